import { dispose, mul, type Tensor, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { startEngine, withFullHeap } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { VqOptions } from '../src/options.ts';
import { createVq, type Vq } from '../src/vq.ts';

async function stateOf(vq: Vq): Promise<string> {
  const all: Record<string, Tensor> = { ...vq.stateDict(), ...vq.trainingState() };
  const values = await Promise.all(
    Object.entries(all).map(async ([name, t]) => [name, t.shape, [...(await t.data())]]),
  );
  dispose(all);
  return JSON.stringify(values);
}

const kinds: Record<string, Partial<VqOptions>> = {
  'moving averages': {},
  'k-means that is over': { kmeansInit: true },
  'k-means that gathers': { kmeansInit: true, kmeansTokensPerCode: 3 },
  'cosine similarity': { useCosineSim: true },
};

describe('a full heap', () => {
  beforeAll(() => startEngine('wasm'));

  for (const [name, options] of Object.entries(kinds)) {
    const make = (seed: number): Vq => createVq({ dim: 3, codebookSize: 4, seed, ...options });
    const tokens = (): Tensor =>
      tensor2d(
        createRng(5)
          .normalArray(30, 1)
          .map((v) => 3 * v),
        [10, 3],
      );

    it(`leaves every update of the state whole or undone: ${name}`, async () => {
      const x = tokens();
      const train = (vq: Vq): void => void tidy(() => void vq.quantize(x, { training: true }));
      const done = make(1);
      train(done);
      const [whole, before] = [await stateOf(done), await stateOf(make(1))];
      const found = new Set([before, whole]);
      let failed = 0;
      for (let after = 0; ; after++) {
        const vq = make(1);
        let error: unknown;
        const full = withFullHeap(after, () => {
          try {
            train(vq);
          } catch (caught) {
            error = caught;
          }
        });
        const state = await stateOf(vq);
        vq.dispose();
        if (!full) break;
        failed++;
        // UnsupportedError, or at the very last bytes what tfjs's own list of tensors throws.
        expect(error).toBeInstanceOf(Error);
        found.add(state);
      }
      expect(failed).toBeGreaterThan(5);
      // With k-means also what it has placed, before the averages move.
      expect(found.size).toBeLessThanOrEqual(options.kmeansInit ? 3 : 2);
      done.dispose();
      x.dispose();
    });

    it(`loads a whole state or nothing: ${name}`, async () => {
      const [vq, other] = [make(1), make(2)];
      const state = Object.fromEntries(
        Object.entries(other.stateDict()).map(([key, value]) => [
          key,
          value.dtype === 'float32' ? mul(value, 3) : value,
        ]),
      );
      const before = await stateOf(vq);
      for (let after = 0; ; after++) {
        let loaded = false;
        const full = withFullHeap(after, () => {
          try {
            vq.loadStateDict(state);
            loaded = true;
          } catch {
            loaded = false;
          }
        });
        if (!full) break;
        if (!loaded) expect(await stateOf(vq)).toBe(before);
      }
      vq.dispose();
      other.dispose();
      dispose(state);
    });
  }
});
