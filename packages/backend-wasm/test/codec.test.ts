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

  it('projects in float64 from the bias on, feature by feature, whatever the sizes', async () => {
    const kernels = await loadKernels();
    for (const [rows, columns, outputs] of [
      [1, 1, 1],
      [5, 3, 8],
      [33, 1024, 8],
      [40, 8, 1000],
      [3, 20_000, 3],
      [0, 4, 4],
    ] as const) {
      const draw = (size: number): Float32Array =>
        Float32Array.from({ length: size }, (_, i) => Math.sin(i * i + size) * 10 ** ((i % 9) - 4));
      const input = draw(rows * columns);
      const weight = draw(outputs * columns);
      for (const bias of [undefined, draw(outputs)]) {
        // One by one in float64, from the bias on, and rounded once.
        const expected = Float32Array.from({ length: rows * outputs }, (_, k) => {
          const [n, j] = [Math.floor(k / outputs), k % outputs];
          let sum = bias?.[j] ?? 0;
          for (let i = 0; i < columns; i++)
            sum += (weight[j * columns + i] as number) * (input[n * columns + i] as number);
          return sum;
        });
        const output = new Float32Array(rows * outputs);
        kernels.projector({ weight, bias }, columns, outputs)?.(input, output, rows);
        expect(output).toEqual(expected);
      }
    }
    expect(kernels.projector({ weight: new Float32Array() }, 2 ** 16, 2 ** 16)).toBeUndefined();
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
