import { UnsupportedError } from '@vqkit/core-tensor';
import type { RowEncoder } from '@vqkit/core-tensor/codec';
import { createPlainSearch } from '@vqkit/core-tensor/plain-search';
import { expectSame, HARD_CODEBOOKS, hardSearch, nearestByFloat64 } from '@vqkit/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadKernels } from '../src/codec.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('loadKernels', () => {
  it('gives each encoder a memory of its own', async () => {
    const kernels = await loadKernels();
    const step = (threshold: number): RowEncoder =>
      kernels.fsqEncoder({
        levels: [2],
        thresholds: [[threshold]],
        centers: [0],
        steps: [1],
        shifts: [0],
        slopes: [1],
        hardClamp: true,
        basis: [1],
      });
    const [low, high, signs] = [step(-1), step(1), kernels.signEncoder(3)];
    const encode = async (encoder: RowEncoder, dim: number, expected: number[]): Promise<void> => {
      const indices = new Int32Array(expected.length);
      encoder(Float32Array.of(-1, 0, 2).subarray(0, expected.length * dim), indices, expected.length);
      await expectSame(indices, expected);
    };
    await encode(low, 1, [1, 1, 1]);
    await encode(high, 1, [0, 0, 1]);
    await encode(signs, 3, [1]);
    await encode(low, 1, [1, 1]);
  });

  it('gives the indices of the search behind it, whatever the codes', async () => {
    const kernels = await loadKernels();
    for (const kind of HARD_CODEBOOKS) {
      for (const sizes of [
        [3, 9, 1],
        [300, 1100, 8],
        [700, 300, 16],
        [3, 20, 4097],
      ] as const) {
        const problem = hardSearch(kind, sizes, 7);
        const indices = new Int32Array(sizes[1]);
        createPlainSearch(problem, kernels)(problem.x, indices, sizes[1]);
        await expectSame(indices, nearestByFloat64(problem));
      }
    }
  });

  it('says so where WebAssembly SIMD is missing', async () => {
    vi.spyOn(WebAssembly, 'compile').mockRejectedValue(new WebAssembly.CompileError('invalid opcode'));
    const loading = loadKernels();
    await expect(loading).rejects.toThrow(UnsupportedError);
    await expect(loading).rejects.toThrow(
      'loadKernels: this JavaScript engine must have WebAssembly SIMD, got invalid opcode. Make the codec without kernels.',
    );
  });
});
