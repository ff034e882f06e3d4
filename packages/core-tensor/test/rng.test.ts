import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, OptionError } from '../src/index.ts';
import { exactLog, type RngState } from '../src/rng.ts';

const M32 = 0xffffffffn;
const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & M32;

/** xoshiro128++ as published, in BigInt. */
function* xoshiro128pp(seed: readonly bigint[]): Generator<bigint> {
  const s = [...seed] as [bigint, bigint, bigint, bigint];
  for (;;) {
    yield (rotl((s[0] + s[3]) & M32, 7n) + s[0]) & M32;
    const t = (s[1] << 9n) & M32;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 11n);
  }
}

/** splitmix32 as published, in BigInt. */
function* splitMix32(seed: bigint): Generator<bigint> {
  let counter = seed;
  for (;;) {
    counter = (counter + 0x9e3779b9n) & M32;
    let t = counter ^ (counter >> 16n);
    t = (t * 0x21f0aaadn) & M32;
    t ^= t >> 15n;
    t = (t * 0x735a2d97n) & M32;
    yield t ^ (t >> 15n);
  }
}

function take(from: Generator<bigint>, count: number): bigint[] {
  return Array.from({ length: count }, () => from.next().value as bigint);
}

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('createRng', () => {
  it('is xoshiro128++ seeded by splitmix32, word for word', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const rng = createRng(seed);
        const expected = take(xoshiro128pp(take(splitMix32(BigInt(seed)), 4)), 50);
        for (const word of expected) expect(rng.uint32()).toBe(Number(word));
      }),
      { seed: 1 },
    );
  });

  it('is xoshiro128++ from the state 1, 2, 3, 4: the first words of its authors’ C code', () => {
    const rng = createRng(0);
    rng.restore([1, 2, 3, 4]);
    expect(Array.from({ length: 10 }, () => rng.uint32())).toEqual([
      641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420,
    ]);
  });

  it('gives these bits for ever: a checkpoint or a published seed depends on them', () => {
    const rng = createRng(1234);
    expect(Array.from({ length: 4 }, () => rng.uint32())).toEqual([2660012615, 1910657968, 2285987485, 3716853564]);
    expect(rng.uniform()).toBe(0.22034828286460428);
    expect(rng.normal()).toBe(-0.7381796902410683);
    expect(rng.integer(1000)).toBe(872);
    expect([...rng.permutation(8)]).toEqual([0, 4, 2, 3, 7, 5, 1, 6]);
    expect([...rng.uniformArray(3, -1, 1)]).toEqual([0.9011002779006958, 0.31233394145965576, -0.30686700344085693]);
    expect([...rng.normalArray(3, 2)]).toEqual([1.4637802839279175, -0.4121190905570984, -1.8090596199035645]);
    expect(rng.fork('noise').uint32()).toBe(1269684814);
    expect(rng.state()).toEqual([1535082341, 2657796425, 1692811704, 608503010]);
  });

  it('rejects a seed that is not an integer in [0, 2^32)', () => {
    for (const seed of [-1, 2 ** 32, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', 1n, undefined]) {
      expect(() => createRng(seed as number)).toThrow(OptionError);
      expect(() => createRng(seed as number)).toThrow(/^createRng: seed must be an integer from 0 to 4294967295, got /);
    }
  });
});

describe('uniform numbers', () => {
  it('uniform has 53 bits in [0, 1)', () => {
    const twin = createRng(5);
    const words = createRng(5);
    for (let i = 0; i < 100; i++) {
      const [high, low] = [BigInt(words.uint32()), BigInt(words.uint32())];
      expect(twin.uniform()).toBe(Number(((high >> 5n) << 26n) + (low >> 6n)) / 2 ** 53);
    }
  });

  it('are spread evenly (Kolmogorov-Smirnov, moments, χ² over 256 cells)', () => {
    const n = 200_000;
    const rng = createRng(42);
    const values = Float64Array.from({ length: n }, () => rng.uniform()).sort();
    expect(kolmogorovSmirnov(values, (x) => x)).toBeLessThan(1.95); // p = 0.001
    expect(Math.abs(mean(values) - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    const counts = new Float64Array(256);
    for (const value of values) counts[Math.floor(value * 256)] = (counts[Math.floor(value * 256)] as number) + 1;
    expect(chiSquared(counts, n / 256)).toBeLessThan(331); // p = 0.001 at 255 degrees of freedom
  });

  it('uniformArray keeps to [low, high) and to multiples of 2^-24', () => {
    const values = createRng(3).uniformArray(100_000, 0, 1);
    for (const value of values) {
      if (!(value >= 0 && value < 1 && Number.isInteger(value * 2 ** 24))) expect.fail(`got ${value}`);
    }
    // The largest draw of all: every bit set.
    const rng = createRng(0);
    rng.restore(stateBeforeWord(0xffffffff));
    expect(rng.uniformArray(1, 0, 1)[0]).toBe(1 - 2 ** -24);
    rng.restore(stateBeforeWord(0xffffffff));
    expect(rng.uniformArray(1, -0.5, 0.5)[0]).toBe(0.5 - 2 ** -24);
    expect([...rng.uniformArray(3, 2, 2)]).toEqual([2, 2, 2]);
    expect(rng.uniformArray(0, 0, 1)).toEqual(new Float32Array(0));
  });

  it('integer is even over its range, also where 2^32 is not a multiple of it', () => {
    const rng = createRng(9);
    const counts = new Float64Array(7);
    for (let i = 0; i < 70_000; i++) {
      const value = rng.integer(7);
      counts[value] = (counts[value] as number) + 1;
    }
    expect(chiSquared(counts, 10_000)).toBeLessThan(22.5); // p = 0.001 at 6 degrees of freedom
    // 2^32 mod 3·2^30 = 2^30: a word from 3·2^30 on would favour the small numbers, so that it is drawn again.
    rng.restore(stateBeforeWord(0xffffffff));
    const next = createRng(0);
    next.restore(stateBeforeWord(0xffffffff));
    next.uint32();
    expect(rng.integer(3 * 2 ** 30)).toBe(firstBelow(next, 3 * 2 ** 30));
    expect(rng.integer(1)).toBe(0);
    const [one, two] = [createRng(4), createRng(4)];
    expect(one.integer(2 ** 32)).toBe(two.uint32());
    for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN])
      expect(() => rng.integer(bound)).toThrow(/^rng.integer: bound must be an integer from 1 to 4294967296, got /);
  });

  it('permutation is a permutation, each order as likely as the next', () => {
    const rng = createRng(11);
    const seen = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const key = [...rng.permutation(4)].join('');
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(24);
    expect(chiSquared(Float64Array.from(seen.values()), 1000)).toBeLessThan(49.8); // p = 0.001 at 23 degrees of freedom
    expect([...rng.permutation(1000)].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(rng.permutation(0)).toEqual(new Int32Array(0));
  });

  it('rejects bad sizes and ranges', () => {
    const rng = createRng(0);
    expect(() => rng.permutation(-1)).toThrow(/^rng.permutation: n must be an integer >= 0, got -1/);
    expect(() => rng.uniformArray(1.5, 0, 1)).toThrow(/^rng.uniformArray: n must be an integer >= 0, got 1.5/);
    expect(() => rng.uniformArray(1, 1, 0)).toThrow(/^rng.uniformArray: \[low, high\] must be .+, got \[1,0\]/);
    expect(() => rng.uniformArray(1, 0, Number.NaN)).toThrow(/got \[0,NaN\]/);
    expect(() => rng.normalArray(Number.NaN, 1)).toThrow(/^rng.normalArray: n must be an integer >= 0, got NaN/);
    expect(() => rng.normalArray(1, -1)).toThrow(/^rng.normalArray: stddev must be a finite number >= 0, got -1/);
  });
});

describe('normal numbers', () => {
  it('have the distribution function of the standard normal and its moments', () => {
    const n = 200_000;
    const rng = createRng(7);
    const values = Float64Array.from({ length: n }, () => rng.normal()).sort();
    expect(kolmogorovSmirnov(values, normalCdf)).toBeLessThan(1.95);
    // Standard errors of the moments of n normal numbers: 1, √2, √15, √96 over √n.
    expect(Math.abs(mean(values))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(mean(values.map((x) => x ** 2)) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(mean(values.map((x) => x ** 3)))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(mean(values.map((x) => x ** 4)) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it('normalArray is normal() times the standard deviation, as float32', () => {
    const [one, two] = [createRng(8), createRng(8)];
    const values = one.normalArray(100, 3);
    for (const value of values) expect(value).toBe(Math.fround(3 * two.normal()));
  });

  it('exactLog agrees with Math.log to 2 ulp', () => {
    let worst = 0;
    const check = (x: number): void => {
      const expected = Math.log(x);
      const ulp = 2 ** (Math.floor(Math.log2(Math.abs(expected))) - 52);
      worst = Math.max(worst, Math.abs(exactLog(x) - expected) / ulp);
    };
    const rng = createRng(2);
    for (let i = 0; i < 50_000; i++) {
      check(rng.uniform() || 0.5);
      check(2 ** -(rng.uniform() * 104));
      check(1 - 2 ** -(1 + rng.uniform() * 52));
    }
    for (let k = 1; k <= 104; k++) check(2 ** -k);
    expect(worst).toBeLessThanOrEqual(2);
  });
});

describe('fork', () => {
  it('depends on the state and on the label, and leaves the generator as it was', () => {
    const rng = createRng(1);
    const before = rng.state();
    const first = rng.fork('a');
    expect(rng.state()).toEqual(before);
    expect(rng.fork('a').state()).toEqual(first.state());
    expect(rng.fork('b').state()).not.toEqual(first.state());
    rng.uint32();
    expect(rng.fork('a').state()).not.toEqual(first.state());
  });

  it('gives streams that do not resemble their parent, each other or those of neighbouring seeds', () => {
    const n = 20_000;
    const streams = [createRng(1), createRng(2), createRng(1).fork('a'), createRng(1).fork('b'), createRng(1).fork('')];
    const values = streams.map((rng) => Float64Array.from({ length: n }, () => rng.uniform() - 0.5));
    for (let i = 0; i < values.length; i++) {
      for (let j = 0; j < i; j++) {
        const [x, y] = [values[i] as Float64Array, values[j] as Float64Array];
        const correlation = 12 * mean(x.map((value, k) => value * (y[k] as number)));
        expect(Math.abs(correlation), `streams ${i} and ${j}`).toBeLessThan(5 / Math.sqrt(n));
      }
    }
  });

  it('counts every word of the state', () => {
    const forks = [0, 1, 2, 3].map((word) => {
      const rng = createRng(0);
      const state = [1, 1, 1, 1];
      state[word] = 2;
      rng.restore(state as unknown as RngState);
      return rng.fork('x').uint32();
    });
    expect(new Set(forks).size).toBe(4);
    const labels = Array.from({ length: 2000 }, (_, i) => createRng(0).fork(`epoch ${i}`).uint32());
    expect(new Set(labels).size).toBe(2000);
  });
});

describe('state and restore', () => {
  it('continue the stream exactly, also through JSON', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 20 }), (seed, drawn) => {
        const rng = createRng(seed);
        for (let i = 0; i < drawn; i++) rng.uint32();
        const saved = JSON.parse(JSON.stringify(rng.state())) as RngState;
        const expected = [rng.uint32(), rng.normal(), rng.uniform()];
        const other = createRng(0);
        other.restore(saved);
        expect([other.uint32(), other.normal(), other.uniform()]).toEqual(expected);
      }),
      { seed: 1 },
    );
  });

  it('rejects what is not a state, and the state 0, 0, 0, 0 that xoshiro never leaves', () => {
    const rng = createRng(0);
    const before = rng.state();
    for (const bad of [
      [0, 0, 0, 0],
      [1, 2, 3],
      [1, 2, 3, 4, 5],
      [1, 2, 3, -1],
      [1, 2, 3, 2 ** 32],
      [1, 2, 3, 0.5],
      7,
      null,
    ]) {
      expect(() => rng.restore(bad as unknown as RngState)).toThrow(OptionError);
      expect(() => rng.restore(bad as unknown as RngState)).toThrow(
        /^rng.restore: state must be four integers .+, got /,
      );
    }
    expect(rng.state()).toEqual(before);
  });
});

/** A state whose next word is the given one: s0 = 0 makes it rotl(s3, 7). */
function stateBeforeWord(word: number): RngState {
  return [0, 1, 1, ((word >>> 7) | (word << 25)) >>> 0];
}

function firstBelow(rng: { uint32(): number }, limit: number): number {
  for (;;) {
    const word = rng.uint32();
    if (word < limit) return word;
  }
}

function mean(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function chiSquared(counts: Float64Array, expected: number): number {
  return counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
}

/** √n times the largest distance between the empirical distribution function of sorted values and the given one. */
function kolmogorovSmirnov(sorted: Float64Array, cdf: (x: number) => number): number {
  const n = sorted.length;
  let worst = 0;
  sorted.forEach((x, i) => {
    worst = Math.max(worst, Math.abs(cdf(x) - i / n), Math.abs((i + 1) / n - cdf(x)));
  });
  return Math.sqrt(n) * worst;
}

/** Φ(x) by the series x·Σ x^{2k}/(1·3·…·(2k+1)), good to float64 for |x| < 6. */
function normalCdf(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 3; Math.abs(term) > 1e-18; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
