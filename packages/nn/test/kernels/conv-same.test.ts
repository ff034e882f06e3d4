import {
  grads,
  memory,
  mul,
  ones,
  randomNormal,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { convSame } from '../../src/index.ts';

type Shape4D = [number, number, number, number];

/** Value and all three gradients in float64, straight from the formula. */
function bruteForce(
  [x, w, b, dy]: readonly ArrayLike<number>[],
  [batch, height, width, channels]: Shape4D,
  [kernelY, kernelX, outputs]: readonly [number, number, number],
  upsample: number,
) {
  const [rows, columns] = [upsample * height, upsample * width];
  const y = new Float64Array(batch * rows * columns * outputs);
  const [dx, dw, db] = [batch * height * width * channels, kernelY * kernelX * channels * outputs, outputs].map(
    (size) => new Float64Array(size),
  ) as [Float64Array, Float64Array, Float64Array];
  const read = (values: ArrayLike<number> | undefined, i: number): number => values?.[i] ?? Number.NaN;
  const accumulate = (values: Float64Array, i: number, value: number): void => {
    values[i] = (values[i] as number) + value;
  };
  for (let i = 0; i < y.length; i++) {
    const o = i % outputs;
    const pixel = Math.floor(i / outputs);
    const [column, row] = [pixel % columns, Math.floor(pixel / columns) % rows];
    const n = Math.floor(pixel / (columns * rows));
    accumulate(y, i, read(b, o));
    accumulate(db, o, read(dy, i));
    for (let k = 0; k < kernelY * kernelX; k++) {
      const r = row + Math.floor(k / kernelX) - Math.floor((kernelY - 1) / 2);
      const c = column + (k % kernelX) - Math.floor((kernelX - 1) / 2);
      if (r < 0 || r >= rows || c < 0 || c >= columns) continue;
      const source = (n * height + Math.floor(r / upsample)) * width + Math.floor(c / upsample);
      for (let channel = 0; channel < channels; channel++) {
        const [from, weight] = [source * channels + channel, (k * channels + channel) * outputs + o];
        accumulate(y, i, read(x, from) * read(w, weight));
        accumulate(dx, from, read(dy, i) * read(w, weight));
        accumulate(dw, weight, read(dy, i) * read(x, from));
      }
    }
  }
  return { y, dx, dw, db };
}

eachEngine((engine) => {
  describe('convSame', () => {
    for (const upsample of [1, 2] as const) {
      for (const [shape, kernel] of [
        [
          [2, 7, 7, 8],
          [3, 3, 16],
        ],
        [
          [3, 5, 4, 3],
          [3, 3, 9],
        ],
        [
          [2, 6, 5, 16],
          [3, 3, 1],
        ],
        [
          [2, 4, 6, 5],
          [1, 1, 6],
        ],
        [
          [2, 5, 5, 4],
          [5, 3, 7],
        ],
        [
          [1, 6, 5, 2],
          [2, 4, 3],
        ],
        [
          [2, 1, 1, 3],
          [3, 3, 4],
        ],
        [
          [2, 6, 9, 32],
          [3, 3, 40],
        ],
        [
          [1, 1, 2, 48],
          [3, 3, 32],
        ],
      ] as [Shape4D, [number, number, number]][]) {
        it(`[${shape}], filter [${kernel}], upsample ${upsample}`, async () => {
          const [batch, height, width, channels] = shape;
          const [kernelY, kernelX, outputs] = kernel;
          const x = randomNormal(shape, 0, 1, 'float32', 1) as Tensor4D;
          const filter = randomNormal([kernelY, kernelX, channels, outputs], 0, 1, 'float32', 2) as Tensor4D;
          const bias = randomNormal([outputs], 0, 1, 'float32', 3) as Tensor1D;
          const dy = randomNormal([batch, upsample * height, upsample * width, outputs], 0, 1, 'float32', 4);
          const values = await Promise.all([x, filter, bias, dy].map((t) => t.data()));
          const expected = bruteForce(values, shape, kernel, upsample);

          const run = (a: Tensor, f: Tensor, b: Tensor): Tensor =>
            convSame(a as Tensor4D, f as Tensor4D, b as Tensor1D, { upsample });
          const y = run(x, filter, bias);
          expect(y.shape).toEqual(dy.shape);
          await expectClose(y, expected.y, tolerances.float32);
          const slopes = grads((...t: Tensor[]) => sum(mul(run(...(t as [Tensor, Tensor, Tensor])), dy)))([
            x,
            filter,
            bias,
          ]);
          await expectClose(slopes[0] as Tensor, expected.dx, tolerances.float32);
          await expectClose(slopes[1] as Tensor, expected.dw, tolerances.float32);
          await expectClose(slopes[2] as Tensor, expected.db, tolerances.float32);
        });
      }
    }

    for (const upsample of [1, 2] as const) {
      // TensorFlow itself gives a convolution of no images the shape of its input.
      it.skipIf(engine === 'native')(
        `without images filter and bias have gradients of 0, upsample ${upsample}`,
        async () => {
          // Leaves numbers behind in the memory that the next small tensors get.
          tidy(() => {
            for (let size = 1; size <= 256; size++) mul(ones([size]), 777);
          });
          const run = (x: Tensor, filter: Tensor, bias: Tensor): Tensor =>
            sum(convSame(x as Tensor4D, filter as Tensor4D, bias as Tensor1D, { upsample }));
          const [, ...slopes] = grads(run)([zeros([0, 4, 4, 3]), ones([3, 3, 3, 5]), ones([5])]);
          for (const slope of slopes) await expectClose(slope, new Float32Array(slope.size), 0);
        },
      );
    }

    it('leaks nothing', () => {
      const x = randomNormal([2, 4, 4, 3], 0, 1, 'float32', 1) as Tensor4D;
      const filter = randomNormal([3, 3, 3, 5], 0, 1, 'float32', 2) as Tensor4D;
      const bias = randomNormal([5], 0, 1, 'float32', 3) as Tensor1D;
      const before = memory().numTensors;
      tidy(() => {
        grads((t: Tensor) => sum(convSame(t as Tensor4D, filter, bias, { upsample: 2 })))([x]);
      });
      expect(memory().numTensors).toBe(before);
    });

    it('explains bad arguments', () => {
      const x = randomNormal([2, 4, 4, 3]) as Tensor4D;
      const filter = randomNormal([3, 3, 3, 5]) as Tensor4D;
      const bias = randomNormal([5]) as Tensor1D;
      expect(() => convSame(x, filter, bias, { upsample: 3 as 2 })).toThrow(
        'convSame: upsample must be 1 or 2, got 3. Leave it out for 1.',
      );
      expect(() => convSame(x, randomNormal([3, 3, 4, 5]) as Tensor4D, bias)).toThrow(
        'convSame: x must be [batch, height, width, in] and filter [K, L, in, out], got shapes [2,4,4,3] and [3,3,4,5]. Make the last axis of x the third of filter.',
      );
      expect(() => convSame(x, filter, randomNormal([4]) as Tensor1D)).toThrow(
        'convSame: bias must be [out] = [5], got shape [4]. Pass one number per output channel.',
      );
    });
  });
});
