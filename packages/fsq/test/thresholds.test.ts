import { tensor2d } from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFsqCodec } from '../src/codec.ts';
import { createFsq, type FsqBound, fsqThresholds } from '../src/index.ts';

interface Bound {
  readonly preserveSymmetry: boolean;
  readonly bound: FsqBound;
}

const BOUNDS: readonly Bound[] = [
  { preserveSymmetry: false, bound: 'reference' },
  { preserveSymmetry: false, bound: 'hardClamp' },
  { preserveSymmetry: false, bound: 'official' },
  { preserveSymmetry: false, bound: 'twice' },
  { preserveSymmetry: true, bound: 'reference' },
  { preserveSymmetry: true, bound: 'hardClamp' },
];

const fewest = ({ preserveSymmetry, bound }: Bound): number => (preserveSymmetry || bound === 'official' ? 2 : 3);
const most = ({ bound }: Bound): number => (bound === 'official' ? 1000 : 2 ** 16);

/** The published formula in float64, before rounding: the level is the nearest integer to it. */
function unrounded(z: number, levels: number, { preserveSymmetry, bound }: Bound): number {
  const squash = bound === 'hardClamp' ? (x: number): number => Math.min(Math.max(x, -1), 1) : Math.tanh;
  if (preserveSymmetry) return ((levels - 1) * (squash(z) + 1)) / 2;
  const half = ((levels - 1) * (bound === 'official' ? 0.999 : 1.001)) / 2;
  const offset = levels % 2 === 0 ? 0.5 : 0;
  const ratio = offset / half;
  const shift = bound === 'hardClamp' ? ratio : bound === 'official' ? Math.tan(ratio) : Math.atanh(ratio);
  const bounded = (x: number): number => squash(x + shift) * half - offset;
  return (bound === 'twice' ? bounded(bounded(z)) : bounded(z)) + Math.floor(levels / 2);
}

const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

/** The float32 value that is `steps` values after z. */
function neighbour(z: number, steps: number): number {
  float[0] = z;
  const word = bits[0] as number;
  const order = (word >= 0 ? word : -(word & 0x7fffffff)) + steps;
  bits[0] = order >= 0 ? order : -order | 0x80000000;
  return float[0] as number;
}

describe('fsqThresholds', () => {
  it('is the formula of the paper inverted: rounding it in float64 gives the level, away from the steps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 300 }),
        fc.constantFrom(...BOUNDS),
        fc.double({ min: -4, max: 4, noNaN: true }),
        (count, bound, drawn) => {
          const levels = Math.max(count, fewest(bound));
          const z = Math.fround(drawn);
          const exact = unrounded(z, levels, bound);
          const toStep = Math.abs(exact - Math.floor(exact) - 0.5);
          fc.pre(toStep > 1e-4);
          const level = (fsqThresholds([levels], bound)[0] as readonly number[]).filter((t) => z >= t).length;
          expect(level).toBe(Math.round(exact) + 0);
        },
      ),
      { seed: 1, numRuns: 3000 },
    );
  });

  it('puts each threshold where the formula crosses a half, within one float32 step', () => {
    for (const bound of BOUNDS) {
      for (let levels = fewest(bound); levels <= 40; levels++) {
        const thresholds = fsqThresholds([levels], bound)[0] as readonly number[];
        expect(thresholds).toHaveLength(levels - 1);
        for (const [i, t] of thresholds.entries()) {
          expect(Math.fround(t)).toBe(t);
          // Next to 0 float32 is finer than the formula in float64.
          expect(unrounded(t === 0 ? -1e-15 : neighbour(t, -1), levels, bound)).toBeLessThan(i + 0.5);
          expect(unrounded(t === 0 ? 1e-15 : neighbour(t, 1), levels, bound)).toBeGreaterThan(i + 0.5);
        }
      }
    }
  });

  it('ascends strictly up to 65,536 levels, and is symmetric about 0 where the method says so', () => {
    for (const bound of BOUNDS) {
      for (const levels of [3, 4, 255, 256, 1000, 4097, 2 ** 16].filter((count) => count <= most(bound))) {
        const thresholds = fsqThresholds([levels], bound)[0] as readonly number[];
        expect(thresholds.every(Number.isFinite)).toBe(true);
        expect(thresholds.every((t, i) => i === 0 || t > (thresholds[i - 1] as number))).toBe(true);
        if (bound.preserveSymmetry || levels % 2 === 1)
          expect(thresholds.every((t, i) => t === -(thresholds[levels - 2 - i] as number))).toBe(true);
      }
    }
  });

  it('gives known values', () => {
    expect(fsqThresholds([3], { preserveSymmetry: true, bound: 'hardClamp' })).toEqual([[-0.5, 0.5]]);
    expect(fsqThresholds([3], { preserveSymmetry: true, boundHardClamp: true })).toEqual([[-0.5, 0.5]]);
    // The constant of S3Tokenizer is 0.999 as a float32, which moves the threshold of the notebook by one float32 value.
    const s3 = fsqThresholds([3], { bound: 's3Tokenizer' })[0]?.[1] as number;
    expect(s3).toBe(Math.fround(Math.atanh(0.5 / 0.9990000128746033)));
    expect(fsqThresholds([3], { bound: 'official' })[0]?.[1]).toBe(neighbour(s3, 1));
    expect(fsqThresholds([3])[0]?.[1]).toBe(Math.fround(Math.atanh(0.5 / 1.001)));
  });

  it('rejects bad arguments', () => {
    const call = (levels: unknown, bound?: unknown) => () => fsqThresholds(levels as number[], bound as Partial<Bound>);
    expect(call([2])).toThrow(
      /^fsqThresholds: levels\[0\] must be an integer >= 3 unless preserveSymmetry is on, got 2/,
    );
    expect(call('8')).toThrow(/^fsqThresholds: levels must be a list of integers >= 2, got "8"/);
    expect(call([3], { symmetric: true })).toThrow(/^fsqThresholds: options must have no 'symmetric'/);
    expect(call([3], { boundHardClamp: 1 })).toThrow(/^fsqThresholds: boundHardClamp must be true or false, got 1/);
  });
});

eachEngine(() => {
  const encodeOne = async (levels: number, bound: Bound, values: number[]): Promise<ArrayLike<number>> => {
    const options = { levels: [levels], ...bound };
    const ofCodec = createFsqCodec(options).encode(Float32Array.from(values));
    if (bound.bound === 'twice') return ofCodec;
    const fsq = createFsq(options);
    const z = tensor2d(values, [values.length, 1]);
    const ids = fsq.encode(z);
    const data = await ids.data();
    await expectSame(data, [...ofCodec]);
    z.dispose();
    ids.dispose();
    fsq.dispose();
    return data;
  };

  describe('the levels', () => {
    it('step at the thresholds exactly: ± 64 float32 values around every one', async () => {
      const steps = Array.from({ length: 129 }, (_, i) => i - 64);
      for (const bound of BOUNDS) {
        for (const levels of [...(fewest(bound) === 2 ? [2] : []), 3, 4, 5, 6, 7, 8, 9, 16, 17]) {
          const thresholds = fsqThresholds([levels], bound)[0] as readonly number[];
          const values = thresholds.flatMap((t) => steps.map((k) => neighbour(t, k)));
          const expected = thresholds.flatMap((_, j) => steps.map((k) => (k >= 0 ? j + 1 : j)));
          await expectSame(await encodeOne(levels, bound, values), expected);
        }
      }
    });

    it('are known at every special float32 value', async () => {
      const special = [
        Number.NaN,
        Number.NEGATIVE_INFINITY,
        -3.4028234663852886e38,
        -(2 ** -149),
        -0,
        0,
        2 ** -149,
        2 ** -126,
        3.4028234663852886e38,
        Number.POSITIVE_INFINITY,
      ];
      for (const bound of BOUNDS) {
        // An odd count has its middle level around 0; for an even one the symmetric quantizer steps at 0, up.
        await expectSame(await encodeOne(5, bound, special), [0, 0, 0, 2, 2, 2, 2, 2, 4, 4]);
        const below = bound.preserveSymmetry ? 1 : 2;
        await expectSame(await encodeOne(4, bound, special), [0, 0, 0, below, 2, 2, 2, 2, 3, 3]);
      }
    });

    it('are counted per feature when the features have different numbers of levels', async () => {
      const fsq = createFsq({ levels: [3, 16, 4, 9] });
      const far = 1e30;
      const z = tensor2d([
        [far, far, far, far],
        [-far, far, -far, far],
        [far, -far, far, -far],
      ]);
      const codes = fsq.quantize(z).quantized;
      await expectSame(fsq.encode(z), [3 * 16 * 4 * 9 - 1, 3 * 15 + 3 * 16 * 4 * 8, 2 + 3 * 16 * 3]);
      await expectSame(fsq.decode(fsq.encode(z)), codes);
      fsq.dispose();
    });
  });

  it('has the thresholds of X-Codec2 for `twice`, where codecs take it and training refuses it by name', () => {
    const [thresholds = []] = fsqThresholds([4], { bound: 'twice' });
    expect(thresholds.map((value) => Math.round(value * 1000))).toEqual([-809, -243, 408]);
    expect([...createFsqCodec({ levels: [4], bound: 'twice' }).encode(Float32Array.of(-0.82, -0.8, 0.41))]).toEqual([
      0, 1, 3,
    ]);
    expect(() => createFsq({ levels: [4], bound: 'twice' })).toThrow(
      /createFsq: bound must be one that can be trained, got "twice"/,
    );
  });
});
