import { UnsupportedError } from '@vqkit/core-tensor';
import type { NearestSearch, RowEncoder } from '@vqkit/core-tensor/codec';
import { expectSame } from '@vqkit/testing';
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

  it('gives the indices of the search behind it, which does what rounding leaves open', async () => {
    const { nearestEncoder } = await loadKernels();
    const searched: number[] = [];
    const search = (width: number, keys: readonly number[]): NearestSearch => {
      const setQuery = (input: Float32Array, token: number, queries: Float64Array, at: number): void => {
        queries.set(input.subarray(token * width, (token + 1) * width), at);
      };
      const biases = Float64Array.from({ length: keys.length / width }, (_, k) =>
        keys.slice(k * width, (k + 1) * width).reduce((sum, value) => sum - value ** 2 / 2, 0),
      );
      const encode: RowEncoder = (input, indices) => {
        searched.push(...input);
        indices[0] = -2;
      };
      return { dim: width, width, keys: Float64Array.from(keys), biases, setQuery, encode };
    };
    const one = search(1, [-3, 2 ** -40, 0, 5, ...new Array<number>(16).fill(9)]);
    const indices = new Int32Array(5);
    nearestEncoder(one)(Float32Array.of(-2, 0, 4, 10, Number.NaN), indices, 5);
    // The second token has two candidates, the fourth more than are listed, the last none.
    await expectSame(indices, [0, 2, 3, -2, -2]);
    await expectSame(searched, [10, Number.NaN]);
    for (const wide of [search(4097, new Array<number>(4097).fill(1)), search(1, [1, 2 ** 55])]) {
      expect(nearestEncoder(wide)).toBe(wide.encode);
    }
  });

  it('says so where WebAssembly SIMD is missing', async () => {
    vi.spyOn(WebAssembly, 'compile').mockRejectedValue(new WebAssembly.CompileError('invalid opcode'));
    const loading = loadKernels();
    await expect(loading).rejects.toThrow(UnsupportedError);
    await expect(loading).rejects.toThrow(
      'loadKernels: the kernels need WebAssembly SIMD, got CompileError: invalid opcode. Make the codec without kernels.',
    );
  });
});
