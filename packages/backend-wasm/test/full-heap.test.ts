import { readFileSync } from 'node:fs';
import {
  backend,
  engine,
  memory,
  type NamedAttrMap,
  type NamedTensorMap,
  ones,
  sum,
  type Tensor,
  tensor1d,
  zeros,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@vqkit/core-tensor';
import { expectIdentical, startEngine, withFullHeap } from '@vqkit/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { init } from '../src/index.ts';
import { countAllocations, takeAll, wasmModule } from './compare.ts';
import { calls, normal } from './kernel-calls.ts';

const run = (name: string, inputs: Record<string, Tensor>): Tensor[] =>
  [
    engine().runKernel(name, inputs as unknown as NamedTensorMap, (calls[name]?.attrs ?? {}) as NamedAttrMap),
  ].flat() as Tensor[];

it('the table has every kernel of this package', () => {
  const source = readFileSync(new URL('../src/kernels/index.ts', import.meta.url), 'utf8');
  const provided = [...source.matchAll(/provide\('(\w+)'/g)].map(([, name]) => name as string);
  expect(provided.length).toBeGreaterThan(50);
  expect(Object.keys(calls)).toEqual(expect.arrayContaining(provided));
});

for (const threads of ['wasm', 'wasm-threads'] as const) {
  describe(`a full heap on ${threads}`, () => {
    let guards: Tensor[];
    beforeAll(async () => {
      await startEngine(threads);
      await init({ replaceTfjs: true });
      guards = Array.from({ length: 16 }, (_, i) => tensor1d(Array(64).fill(i) as number[]));
    });
    afterEach(async () => {
      for (const [i, guard] of guards.entries()) await expectIdentical(guard, Array(64).fill(i) as number[]);
    });

    for (const [name, { inputs, allocatesNothing = false }] of Object.entries(calls)) {
      it(`${name} says so, wherever in it that happens, and changes nothing`, async () => {
        const given = inputs();
        const expected = run(name, given);
        const values = await Promise.all(expected.map((t) => t.data()));
        const buffers = memory().numDataBuffers;
        const { allocations, stop } = countAllocations();
        let inAll = 0;
        for (let after = 0; ; after++) {
          let outputs: Tensor[] | undefined;
          let error: unknown;
          withFullHeap(after, () => {
            try {
              outputs = run(name, given);
            } catch (caught) {
              error = caught;
            }
          });
          if (outputs !== undefined) {
            inAll = after;
            for (const [i, output] of outputs.entries()) {
              await expectIdentical(output, values[i] as Float32Array);
              output.dispose();
            }
            break;
          }
          expect(error).toBeInstanceOf(UnsupportedError);
          expect((error as Error).message).toMatch(
            /^\w+: the wasm engine's memory \(at most 4 GB\) must have room for another \d+ bytes, got none\. Use smaller batches/,
          );
          expect(memory().numDataBuffers).toBe(buffers);
          expect(allocations()).toBe(0);
        }
        stop();
        expect(inAll > 0).toBe(!allocatesNothing);
        for (const t of [...expected, ...Object.values(given)]) t.dispose();
      });
    }

    it('making a tensor says so', () => {
      const { numTensors, numDataBuffers } = memory();
      withFullHeap(0, () => expect(() => normal(3, 4)).toThrow(UnsupportedError));
      expect(memory()).toMatchObject({ numTensors, numDataBuffers });
    });

    it('making a tensor says so at the last bytes, where tfjs has taken the others inside', async () => {
      const module = wasmModule();
      const { free } = module.asm;
      // So much that the guard has looked for its reserve, and does not look again for a while.
      zeros([2 ** 24]).dispose();
      const held = takeAll();
      const { numTensors, numDataBuffers } = memory();
      const left = [16, 64, 1024, 2 ** 14, 2 ** 17];
      try {
        for (const bytes of left) {
          // Found in the largest pieces where there are none of this size.
          const from = [...held.entries()].filter(([size, own]) => size >= bytes && own.length > 0).at(-1);
          free(from?.[1].pop() as number);
          const most = from?.[0] as number;
          const kept: Tensor[] = [];
          let error: unknown;
          for (let i = 0; error === undefined && i < most; i++) {
            try {
              kept.push(tensor1d([i, i]));
            } catch (caught) {
              error = caught;
            }
          }
          expect(error).toBeInstanceOf(UnsupportedError);
          for (const [i, t] of kept.entries()) await expectIdentical(t, [i, i]);
          for (const t of kept) t.dispose();
          expect(memory()).toMatchObject({ numTensors, numDataBuffers });
        }
      } finally {
        for (const own of held.values()) for (const address of own) free(address);
      }
    });

    it('a tensor at the end of the addresses is summed up by its own rows', async () => {
      const module = wasmModule();
      const held = takeAll();
      const blocks = [...held.entries()].flatMap(([bytes, own]) =>
        own.map((address) => [address >>> 0, bytes] as const),
      );
      blocks.sort(([a], [b]) => b - a);
      const free = (at: number): number => {
        const [address] = blocks.splice(at, 1)[0] as (typeof blocks)[number];
        module.asm.free(address);
        return address;
      };
      let first = free(0);
      while (module.HEAPU8.length - first < 2 ** 20) first = free(0);
      const filler = module.asm.malloc(Math.max(16, module.HEAPU8.length - first - 2 ** 20));
      // Elsewhere there is room for the sums.
      free(blocks.findIndex(([, bytes]) => bytes >= 2 ** 27));
      const columns = Math.floor((2 ** 20 - 8192) / 12);
      const x = ones([3, columns]);
      const sums = sum(x, 0);
      await expectIdentical(sums, Array(columns).fill(3) as number[]);
      for (const t of [x, sums]) t.dispose();
      for (const address of [filler, ...blocks.map(([address]) => address)]) module.asm.free(address);
    });

    it('no block reaches over the end of the addresses, and what is free elsewhere is found', () => {
      const module = wasmModule();
      // None of it is touched, so that it takes no room in the machine.
      for (const bytes of [402_653_184, 2 ** 28, 2 ** 29, 1e9, 1.5e9]) {
        const held: number[] = [];
        for (;;) {
          try {
            held.push(module._malloc(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(UnsupportedError);
            break;
          }
        }
        expect(held.length).toBeGreaterThanOrEqual(Math.floor(2 ** 32 / bytes) - 1);
        const ends = held.map((address) => (address >>> 0) + bytes);
        expect(Math.max(...ends)).toBeLessThan(2 ** 32);
        module._free(held.shift() as number);
        held.push(module._malloc(bytes));
        for (const address of held) module._free(address);
      }
    });

    it('a size that does not fit into 32 bits is not taken for its remainder', () => {
      const { numDataBuffers } = memory();
      for (const size of [2 ** 30, 2 ** 30 + 2 ** 10]) {
        const make = (): unknown =>
          (backend() as unknown as { makeOutput(shape: number[], dtype: string): unknown }).makeOutput(
            [size],
            'float32',
          );
        expect(make).toThrow(`must have room for another ${4 * size} bytes`);
      }
      expect(memory().numDataBuffers).toBe(numDataBuffers);
    });
  });
}
