import { memory, reshape, type Tensor2D, tensor2d, variable } from '@tensorflow/tfjs-core';
import { codeSearch, createRng, derived, nearestCodeExact } from '@vqkit/core-tensor';
import { engineMissing, expectSame, nearestByFloat64 } from '@vqkit/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { DeviceBackend } from '../src/backend.ts';
import { init } from '../src/index.ts';

const missing = engineMissing('webgpu');
const normal = (n: number, d: number, seed: number): Float32Array => createRng(seed).normalArray(n * d, 1);
const bytesInGpu = (): number => (memory() as unknown as { numBytesInGPU: number }).numBytesInGPU;

/** Names of the programs that ran. */
function recorded(run: () => unknown): string[] {
  const dispatch = vi.spyOn(DeviceBackend.prototype, 'dispatch');
  const program = vi.spyOn(DeviceBackend.prototype, 'runWebGPUProgram');
  run();
  const names = [
    ...dispatch.mock.calls.map(([, , , label]) => label),
    ...program.mock.calls.map(([given]) => given.constructor.name),
  ];
  vi.restoreAllMocks();
  return names;
}

describe.skipIf(missing !== undefined)(
  missing === undefined ? 'the search on WebGPU' : `the search on WebGPU: skipped, ${missing}`,
  () => {
    beforeAll(async () => {
      await init();
    });

    const SEARCH = ['CenterTokens', 'NearestCodeExact', 'NearestCodeExactDecide'];

    it('is three programs, and what depends on the codes alone is made once for their values', async () => {
      const [x, numbers] = [normal(6, 4, 1), normal(16, 4, 2)];
      const rows = tensor2d(x, [6, 4]);
      const embed = variable(tensor2d(normal(16, 4, 3), [16, 4]));
      const book = derived([embed], () => embed as Tensor2D);
      const search = codeSearch(book);
      search.nearest(rows);
      expect(recorded(() => search.nearest(rows))).toEqual(SEARCH);
      embed.assign(tensor2d(numbers, [16, 4]));
      await expectSame(search.nearest(rows), nearestByFloat64({ x, codes: numbers, dim: 4 }));
      expect(recorded(() => search.nearest(rows))).toEqual(SEARCH);
    });

    it('frees what it kept of codes with these', async () => {
      const z = tensor2d(normal(6, 4, 1), [6, 4]);
      const search = async (): Promise<void> => {
        const codes = tensor2d(normal(1000, 4, 2), [1000, 4]);
        const indices = nearestCodeExact({ x: z, codes });
        await indices.data();
        codes.dispose();
        indices.dispose();
      };
      await search();
      const before = bytesInGpu();
      for (let i = 0; i < 3; i++) await search();
      expect(bytesInGpu()).toBe(before);
    });

    it('tells the same numbers in another shape from what it kept', async () => {
      const numbers = normal(24, 4, 3);
      const codes = tensor2d(numbers, [24, 4]);
      for (const dim of [4, 8, 2, 4]) {
        const x = normal(10, dim, dim);
        const found = nearestCodeExact({
          x: tensor2d(x, [10, dim]),
          codes: reshape(codes, [96 / dim, dim]) as Tensor2D,
        });
        await expectSame(found, nearestByFloat64({ x, codes: numbers, dim }));
      }
    });

    it('decides among many codes and tokens, in parts', async () => {
      const [k, n, dim] = [900, 700, 5];
      const codes = normal(k, dim, 4);
      // Between codes far apart in the codebook, and equal codes.
      const x = Float32Array.from(
        { length: n * dim },
        (_, i) => ((codes[i] as number) + (codes[i + dim] as number)) / 2,
      );
      codes.copyWithin(700 * dim, 0, 200 * dim);
      const found = nearestCodeExact({ x: tensor2d(x, [n, dim]), codes: tensor2d(codes, [k, dim]) });
      await expectSame(found, nearestByFloat64({ x, codes, dim }));
    });
  },
);
