import { backend, type TensorInfo, tensor1d } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { engineMissing } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import type { DeviceBackend } from '../src/backend.ts';
import { FLOAT64 } from '../src/float64.ts';
import { init } from '../src/index.ts';
import { output, type Program, run } from '../src/program.ts';

/** (a - b)² + (c - d)², in the words of its Float64. */
const SUM_OF_SQUARES: Program = {
  name: 'SumOfSquares',
  inputs: { values: 'u32' },
  outputs: { sums: 'u32' },
  declarations: FLOAT64,
  body: `
let at = row * 4u;
let first = squared(difference(values[at], values[at + 1u]));
let sum = added(first, squared(difference(values[at + 2u], values[at + 3u])));
sums[row * 3u] = bitcast<u32>(sum.exponent);
sums[row * 3u + 1u] = sum.high;
sums[row * 3u + 2u] = sum.low;`,
};

async function sumsOf(values: Float32Array): Promise<number[]> {
  const [engine, rows] = [backend() as DeviceBackend, values.length / 4];
  const sums = output(engine, [rows, 3], 'int32');
  const operands = { values: { tensor: tensor1d(values), perRow: 4 }, sums: { tensor: sums as TensorInfo, perRow: 3 } };
  run(engine, SUM_OF_SQUARES, rows, operands);
  const words = (await engine.read(sums.dataId)) as Int32Array;
  return Array.from({ length: rows }, (_, row) => {
    const [exponent, high, low] = words.subarray(3 * row, 3 * row + 3) as unknown as [number, number, number];
    return high === 0 && low === 0 ? 0 : ((high >>> 0) * 2 ** 32 + (low >>> 0)) * 2 ** exponent;
  });
}

function expected(values: Float32Array): number[] {
  return Array.from({ length: values.length / 4 }, (_, row) => {
    const [a, b, c, d] = values.subarray(4 * row, 4 * row + 4) as unknown as [number, number, number, number];
    return (a - b) * (a - b) + (c - d) * (c - d);
  });
}

const missing = engineMissing('webgpu');

describe.skipIf(missing !== undefined)(
  missing === undefined ? 'float64 in WGSL' : `float64: skipped, ${missing}`,
  () => {
    it('adds squares of differences as JavaScript does, bit for bit, for numbers of any size below 2^56', async () => {
      await init();
      const rng = createRng(1);
      const bits = new Uint32Array(4 * 200_000);
      for (let i = 0; i < bits.length; i++) {
        // Exponents of numbers from the subnormal ones to 2^56; half of the rows have exponents that are near each other.
        const near = Math.floor(i / 4) % 2 === 0;
        const exponent = near ? 120 + rng.integer(14) : rng.integer(183);
        bits[i] = ((rng.integer(2) << 31) | (exponent << 23) | rng.integer(2 ** 23)) >>> 0;
      }
      const values = new Float32Array(bits.buffer);
      // Equal numbers, opposite ones, and zeros.
      for (let row = 0; row < 1000; row++) {
        const first = values[4 * row] as number;
        values[4 * row + 1] = row % 3 === 0 ? first : row % 3 === 1 ? -first : 0;
      }
      const sums = await sumsOf(values);
      const wrong = expected(values).flatMap((sum, row) =>
        Object.is(sum, sums[row]) ? [] : [[...values.subarray(4 * row, 4 * row + 4), sums[row], sum]],
      );
      expect(wrong.slice(0, 3)).toEqual([]);
    });
  },
);
