import {
  grads,
  mul,
  randomNormal,
  removeBackend,
  slice,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { convolution, convSame } from '@vqkit/nn';
import { expectClose, expectIdentical } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { init } from '../../src/index.ts';

interface Line {
  readonly batch?: number;
  readonly length: number;
  readonly channels: number;
  readonly outputs: number;
  readonly taps?: number;
  readonly dilation?: number;
  readonly stride?: number;
  readonly before: number;
  readonly after: number;
}

/** Value, gradient of the input and gradient of the filter in float64, straight from the formula. */
function bruteForce(line: Required<Line>, [x, w, b, dy]: readonly ArrayLike<number>[]): Float64Array[] {
  const { batch, length, channels, outputs, taps, dilation, stride, before, after } = line;
  const places = Math.floor((length + before + after - dilation * (taps - 1) - 1) / stride) + 1;
  const [y, dx, dw] = [batch * places * outputs, batch * length * channels, taps * channels * outputs].map(
    (size) => new Float64Array(size),
  ) as [Float64Array, Float64Array, Float64Array];
  const read = (values: ArrayLike<number> | undefined, i: number): number => values?.[i] ?? Number.NaN;
  for (let i = 0; i < y.length; i++) {
    const [o, place, n] = [i % outputs, Math.floor(i / outputs) % places, Math.floor(i / (outputs * places))];
    const slope = read(dy, i);
    let value = read(b, o);
    for (let tap = 0; tap < taps; tap++) {
      const at = place * stride - before + tap * dilation;
      if (at < 0 || at >= length) continue;
      for (let c = 0; c < channels; c++) {
        const [from, weight] = [(n * length + at) * channels + c, (tap * channels + c) * outputs + o];
        value += read(x, from) * read(w, weight);
        dx[from] = read(dx, from) + slope * read(w, weight);
        dw[weight] = read(dw, weight) + slope * read(x, from);
      }
    }
    y[i] = value;
  }
  return [y, dx, dw];
}

const cases: Line[] = [
  // Whole tiles of 12 places, one place more, and lines shorter than a tile.
  { length: 96, channels: 16, outputs: 16, before: 3, after: 3 },
  { batch: 3, length: 97, channels: 16, outputs: 24, before: 3, after: 3 },
  { batch: 2, length: 8, channels: 24, outputs: 16, before: 3, after: 3 },
  { batch: 2, length: 7, channels: 16, outputs: 16, before: 3, after: 3 },
  { length: 11, channels: 40, outputs: 16, before: 6, after: 0 },
  // Causal, and of other lengths than the input.
  { batch: 2, length: 131, channels: 16, outputs: 40, dilation: 3, before: 18, after: 0 },
  { length: 150, channels: 32, outputs: 16, dilation: 9, before: 54, after: 0 },
  { length: 100, channels: 16, outputs: 16, dilation: 2, before: 0, after: 0 },
  { length: 60, channels: 16, outputs: 16, before: 20, after: 31 },
  // Interleaved lines of different lengths, and a dilation that is longer than the line.
  { batch: 2, length: 250, channels: 16, outputs: 16, dilation: 9, before: 27, after: 27 },
  { length: 20, channels: 16, outputs: 16, dilation: 30, before: 90, after: 90 },
  // Other numbers of taps.
  { length: 70, channels: 16, outputs: 16, taps: 5, before: 2, after: 2 },
  { length: 70, channels: 16, outputs: 16, taps: 8, before: 3, after: 4 },
  { length: 70, channels: 16, outputs: 16, taps: 9, before: 4, after: 4 },
  // Too narrow for tiles, so many tiles that their products fall into several units, and so many channels that these do.
  { length: 70, channels: 16, outputs: 12, before: 3, after: 3 },
  { batch: 6, length: 150, channels: 16, outputs: 16, before: 3, after: 3 },
  { length: 40, channels: 64, outputs: 16, before: 3, after: 3 },
  // Two taps for each step of the stride: padded as networks do, on one side, not at all, by more than a step, of a length that leaves places over.
  { batch: 2, length: 60, channels: 16, outputs: 24, taps: 8, stride: 4, before: 2, after: 2 },
  { batch: 2, length: 60, channels: 16, outputs: 16, taps: 10, stride: 5, before: 3, after: 2 },
  { length: 48, channels: 24, outputs: 16, taps: 4, stride: 2, before: 2, after: 0 },
  { length: 47, channels: 16, outputs: 16, taps: 4, stride: 2, before: 0, after: 0 },
  { length: 33, channels: 16, outputs: 32, taps: 6, stride: 3, before: 7, after: 8 },
  { batch: 9, length: 70, channels: 16, outputs: 16, taps: 4, stride: 2, before: 1, after: 1 },
  // Too short, dilated, and with other numbers of taps.
  { length: 20, channels: 16, outputs: 16, taps: 8, stride: 4, before: 2, after: 2 },
  { length: 60, channels: 16, outputs: 16, taps: 4, stride: 2, dilation: 2, before: 3, after: 3 },
  { length: 60, channels: 16, outputs: 16, taps: 7, stride: 4, before: 3, after: 3 },
];

/** Of the first number of threads, which the second has to repeat. */
const seen = new Map<Line, ArrayLike<number>[]>();

describe.each([1, 2])('with %i threads', (threads) => {
  beforeAll(async () => expect(await init({ threads })).toMatchObject({ threads }));
  afterAll(() => removeBackend('wasm'));

  it.each(cases)('a convolution along a line, %j', async (line) => {
    const whole = { batch: 1, taps: 7, dilation: 1, stride: 1, ...line };
    const { batch, length, channels, outputs, taps, dilation, stride, before, after } = whole;
    const x = randomNormal([batch, 1, length, channels], 0, 1, 'float32', 1) as Tensor4D;
    const filter = randomNormal([1, taps, channels, outputs], 0, 1, 'float32', 2) as Tensor4D;
    const bias = randomNormal([outputs], 0, 1, 'float32', 3) as Tensor1D;
    const alone = { stride: 1, dilation: 1, before: 0, after: 0 };
    const along = { stride, dilation, before, after };
    const isSame =
      stride === 1 && dilation === 1 && before === Math.floor((taps - 1) / 2) && before + after === taps - 1;
    const ways = [
      (a: Tensor, f: Tensor) => convolution(a as Tensor4D, f as Tensor4D, [alone, along], bias),
      ...(isSame ? [(a: Tensor, f: Tensor) => convSame(a as Tensor4D, f as Tensor4D, bias)] : []),
    ];
    for (const run of ways) {
      const y = run(x, filter);
      const dy = randomNormal(y.shape, 0, 1, 'float32', 4);
      const slopes = grads((a: Tensor, f: Tensor) => sum(mul(run(a, f), dy)))([x, filter]);
      const data = await Promise.all([y, ...slopes].map((tensor) => tensor.data()));
      const first = seen.get(line);
      if (first === undefined) {
        const inputs = await Promise.all([x, filter, bias, dy].map((tensor) => tensor.data()));
        for (const [i, values] of bruteForce(whole, inputs).entries()) await expectClose(data[i] ?? [], values, 3e-6);
        seen.set(line, data);
        continue;
      }
      for (const [i, values] of data.entries()) await expectIdentical(values, first[i] ?? []);
    }
  });

  it.each([
    [7, 1, 1],
    [7, 3, 1],
    [8, 1, 4],
  ])(
    'a causal convolution of %i taps, dilation %i and stride %i has the same bits without the places to come',
    async (taps, dilation, stride) => {
      const x = randomNormal([1, 1, 200, 16], 0, 1, 'float32', 1) as Tensor4D;
      const filter = randomNormal([1, taps, 16, 16], 0, 1, 'float32', 2) as Tensor4D;
      const alone = { stride: 1, dilation: 1, before: 0, after: 0 };
      const along = { stride, dilation, before: dilation * (taps - 1) + 1 - stride, after: 0 };
      const [whole, part] = [x, slice(x, [0, 0, 0, 0], [1, 1, 136, 16])].map((line) =>
        convolution(line, filter, [alone, along]),
      ) as [Tensor4D, Tensor4D];
      await expectIdentical(part, (await whole.data()).slice(0, part.size));
    },
  );
});
