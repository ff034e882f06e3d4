import { memory, type Tensor, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { createRng, UnsupportedError } from '@vqkit/core-tensor';
import { eachEngine, expectIdentical, expectSame, startEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createSimVq, type SimVq } from '../src/index.ts';

const OPTIONS = { dim: 6, codebookSize: 32, seed: 3 };
const VALUES = createRng(5).normalArray(40 * 6, 1);

interface Kept {
  readonly shape: number[];
  readonly data: Awaited<ReturnType<Tensor['data']>>;
}

/** The state of a quantizer as plain arrays, which every engine takes. */
async function stateOf(quantizer: SimVq): Promise<Map<string, Kept>> {
  const state = quantizer.stateDict();
  const kept = new Map<string, Kept>();
  for (const [name, value] of Object.entries(state)) {
    kept.set(name, { shape: value.shape, data: await value.data() });
    value.dispose();
  }
  return kept;
}

function load(quantizer: SimVq, state: ReadonlyMap<string, Kept>): void {
  tidy(() => {
    quantizer.loadStateDict(
      Object.fromEntries([...state].map(([name, { shape, data }]) => [name, tensor(data, shape, 'float32')])),
    );
  });
}

eachEngine((engine) => {
  const other = engine === 'cpu' ? 'wasm' : 'cpu';

  describe('switching engines', () => {
    it('moves a live quantizer by its state, with the same ids and codes', async () => {
      await startEngine(other);
      const before = createSimVq(OPTIONS);
      const z = tensor(VALUES, [40, 6]);
      const { quantized, indices } = before.quantize(z);
      const [ids, codes] = [await indices.data(), await quantized.data()];
      const state = await stateOf(before);
      for (const old of [z, quantized, indices]) old.dispose();
      before.dispose();

      await startEngine(engine);
      const { numTensors } = memory();
      const after = createSimVq({ ...OPTIONS, seed: 99 });
      load(after, state);
      const moved = tensor(VALUES, [40, 6]);
      const result = after.quantize(moved);
      await expectSame(result.indices, ids);
      const decoded = after.decode(result.indices);
      await expectIdentical(decoded, result.quantized);
      decoded.dispose();
      expect(result.quantized.shape).toEqual([40, 6]);
      const difference = (await result.quantized.data()).map((value, i) => Math.abs(value - (codes[i] as number)));
      expect(Math.max(...difference)).toBeLessThan(1e-6);
      after.dispose();
      const { quantized: q, indices: i, loss, losses } = result;
      for (const made of [moved, q, i, loss, ...Object.values(losses)]) made.dispose();
      expect(memory().numTensors).toBe(numTensors);
    });

    it('says so when tensors of two engines meet', async () => {
      await startEngine(other);
      const foreign = createSimVq(OPTIONS);
      const [z, ids] = [zeros([2, 6]), zeros([2], 'int32')];
      const active = { cpu: 'cpu', wasm: 'wasm', 'wasm-threads': 'wasm', native: 'tensorflow', webgpu: 'webgpu' }[
        engine
      ];
      await startEngine(engine);
      const own = createSimVq(OPTIONS);
      const on = `must be on the active engine '${active}', got a tensor of '${other}'`;
      const calls: [() => unknown, string][] = [
        [
          () => own.quantize(z),
          `createSimVq().quantize: z ${on}. Switch back, read z with await data(), and make it anew`,
        ],
        [() => own.quantize(zeros([2, 6]), { mask: ids }), `createSimVq().quantize: mask ${on}`],
        [() => own.encode(z), `createSimVq().encode: z ${on}`],
        [() => own.decode(ids), `createSimVq().decode: indices ${on}`],
        [
          () => foreign.encode(zeros([2, 6])),
          `createSimVq().encode: the variables ${on}. Switch back, read stateDict()`,
        ],
        [() => foreign.stateDict(), `createSimVq().stateDict: the variables ${on}`],
      ];
      for (const [call, message] of calls) {
        expect(call).toThrow(UnsupportedError);
        expect(call).toThrow(message);
      }
      await startEngine(other);
      expect(foreign.encode(z).shape).toEqual([2]);
      await startEngine(engine);
    });
  });
});
