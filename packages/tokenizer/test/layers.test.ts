import { grad, mul, sum, type Tensor, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createConv2d, maxPool2 } from '../src/layers.ts';

type Shape4 = [number, number, number, number];

function normal(shape: Shape4, seed: number): { values: Float32Array; tensor: Tensor4D } {
  const values = createRng(seed).normalArray(
    shape.reduce((product, size) => product * size, 1),
    1,
  );
  return { values, tensor: tensor4d(values, shape) };
}

/** Calls `visit` for every element of a channels-last tensor. */
function each(
  [batch, height, width, channels]: Shape4,
  visit: (n: number, y: number, x: number, c: number, at: number) => void,
): void {
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) visit(n, y, x, c, at++);
}

eachEngine(() => {
  describe('createConv2d', () => {
    it.each([1, 2] as const)(
      'is the convolution of its PyTorch weights, padded to keep the size, upsampled × %s, against float64',
      async (upsample) => {
        const [inputs, outputs] = [3, 2];
        const [height, width] = [5, 4];
        const conv = createConv2d({ name: 'c', inputs, outputs, kernel: 3, upsample, rng: createRng(1) });
        const x = normal([2, height, width, inputs], 2);
        const [weight, bias] = await Promise.all(conv.weights.map(({ variable, toTorch }) => toTorch(variable).data()));
        const expected: number[] = [];
        each([2, upsample * height, upsample * width, outputs], (n, y, column, o) => {
          let value = bias?.[o] as number;
          for (let i = 0; i < inputs; i++)
            for (let dy = 0; dy < 3; dy++)
              for (let dx = 0; dx < 3; dx++) {
                const [row, col] = [y + dy - 1, column + dx - 1];
                if (row < 0 || row >= upsample * height || col < 0 || col >= upsample * width) continue;
                const source = (n * height + Math.floor(row / upsample)) * width + Math.floor(col / upsample);
                const pixel = x.values[source * inputs + i] as number;
                value += pixel * (weight?.[((o * inputs + i) * 3 + dy) * 3 + dx] as number);
              }
          expected.push(value);
        });
        await expectClose(conv.apply(x.tensor), expected, tolerances.float32);
      },
    );

    it('starts uniform within ±1/√(inputs · kernel²), a function of the seed and the name', async () => {
      const make = (name: string): Promise<Float32Array> => {
        const conv = createConv2d({ name, inputs: 16, outputs: 32, kernel: 3, rng: createRng(5) });
        return conv.weights[0]?.variable.data() as Promise<Float32Array>;
      };
      const values = await make('a');
      const bound = 1 / 12;
      expect(Math.max(...values)).toBeLessThanOrEqual(bound);
      expect(Math.max(...values)).toBeGreaterThan(0.99 * bound);
      expect(Math.min(...values)).toBeLessThan(-0.99 * bound);
      const meanSquare = values.reduce((total, value) => total + value * value, 0) / values.length;
      // Variance of the uniform distribution, bound²/3, with the deviation of 4,608 draws.
      expect(Math.abs(meanSquare / (bound * bound) - 1 / 3)).toBeLessThan(0.02);
      expect(await make('a')).toEqual(values);
      expect(await make('b')).not.toEqual(values);
    });
  });

  describe('maxPool2', () => {
    it('sends the gradient to the first of the largest pixels, in every image and channel', async () => {
      const shape: Shape4 = [3, 4, 6, 5];
      // Few different values, so that many windows have ties.
      const values = normal(shape, 3).values.map((value) => Math.round(value));
      const dy = normal([3, 2, 3, 5], 4);
      const expected = new Float32Array(values.length);
      each([3, 2, 3, 5], (n, y, x, c, at) => {
        let best = -1;
        for (const [i, j] of [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ] as const) {
          const place = ((n * 4 + 2 * y + i) * 6 + 2 * x + j) * 5 + c;
          if (best < 0 || (values[place] as number) > (values[best] as number)) best = place;
        }
        expected[best] = dy.values[at] as number;
      });
      const dx = grad((t: Tensor) => sum(mul(maxPool2(t as Tensor4D), dy.tensor)))(tensor4d(values, shape));
      await expectSame(dx, expected);
    });
  });
});
