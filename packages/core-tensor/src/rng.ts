import { requireInteger, requireOption } from './check.ts';
import { countParameters } from './parameter-limit.ts';

/** The whole state of a generator as plain numbers: store it in a checkpoint, give it to {@link Rng.restore}. */
export type RngState = readonly [number, number, number, number];

/**
 * Seeded random numbers: same seed, same bits, on every machine and in every browser, because only integer operations and the exactly
 * rounded IEEE operations (+ - * / sqrt) are used, never `Math.log` or `Math.cos`. Not for cryptography.
 */
export interface Rng {
  /** Uniform integer in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1): a multiple of 2^-53. */
  uniform(): number;
  /** Standard normal (mean 0, variance 1) by the polar method; takes a varying number of draws. */
  normal(): number;
  /** Uniform integer in [0, bound), without modulo bias. @throws OptionError unless bound is an integer from 1 to 2^32. */
  integer(bound: number): number;
  /** A random order of 0 … n-1 (Fisher-Yates). @throws OptionError unless n is an integer >= 0. */
  permutation(n: number): Int32Array;
  /**
   * n uniform float32 numbers low + (high - low)·u, u a multiple of 2^-24 in [0, 1). `high` itself can come out only where float32 is
   * coarser than that, never for [0, 1) or [-½, ½).
   * @throws OptionError unless n is an integer >= 0 and low and high are finite, low <= high.
   */
  uniformArray(n: number, low: number, high: number): Float32Array;
  /** n normal float32 numbers with the given standard deviation. @throws OptionError unless n is an integer >= 0 and stddev a finite number >= 0. */
  normalArray(n: number, stddev: number): Float32Array;
  /**
   * Another generator, a function of this one's present state and the label. This one is left as it is, so that what it gives does not
   * depend on how many forks were made; the same label again gives the same fork until this one is drawn from.
   */
  fork(label: string): Rng;
  /** The present state. */
  state(): RngState;
  /** Continues from a state that `state()` gave. @throws OptionError for anything else. */
  restore(state: RngState): void;
}

/**
 * Makes a generator: xoshiro128++, its four words seeded by splitmix32.
 *
 * Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 47(4), arXiv:1805.01407; splitmix32 is the
 * 32-bit SplitMix of Steele, Lea and Flood, "Fast splittable pseudorandom number generators", with the usual increment 0x9e3779b9.
 *
 * @param seed integer in [0, 2^32).
 * @throws OptionError when the seed is not such an integer.
 * @example
 * const rng = createRng(1234);
 * rng.uint32();                          // 2660012615, on every machine
 * const noise = rng.fork('noise');       // a stream of its own
 * const saved = rng.state();             // four integers, fit for JSON
 */
export function createRng(seed: number): Rng {
  requireInteger('createRng', 'seed', seed, 0, 2 ** 32 - 1);
  const next = splitMix(seed);
  return fromState([next(), next(), next(), next()]);
}

/** splitmix32: a bijection of a counter, so that at most one of four successive words is 0 (xoshiro's only bad state is four). */
function splitMix(seed: number): () => number {
  let counter = seed;
  return () => {
    counter = (counter + 0x9e3779b9) | 0;
    return mix(counter);
  };
}

function mix(word: number): number {
  let t = word ^ (word >>> 16);
  t = Math.imul(t, 0x21f0aaad);
  t ^= t >>> 15;
  t = Math.imul(t, 0x735a2d97);
  return (t ^ (t >>> 15)) >>> 0;
}

function fromState(initial: RngState): Rng {
  let [a, b, c, d] = initial;

  const rng: Rng = {
    uint32() {
      const sum = (a + d) | 0;
      const result = (((sum << 7) | (sum >>> 25)) + a) >>> 0;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      return result;
    },
    uniform() {
      const high = rng.uint32() >>> 5;
      const low = rng.uint32() >>> 6;
      return (high * 2 ** 26 + low) * 2 ** -53;
    },
    normal() {
      for (;;) {
        const u = 2 * rng.uniform() - 1;
        const v = 2 * rng.uniform() - 1;
        const s = u * u + v * v;
        if (s > 0 && s < 1) return u * Math.sqrt((-2 * exactLog(s)) / s);
      }
    },
    integer(bound) {
      requireInteger('rng.integer', 'bound', bound, 1, 2 ** 32);
      const limit = 2 ** 32 - (2 ** 32 % bound);
      for (;;) {
        const value = rng.uint32();
        if (value < limit) return value % bound;
      }
    },
    permutation(n) {
      requireInteger('rng.permutation', 'n', n, 0);
      const order = new Int32Array(n);
      for (let i = 0; i < n; i++) order[i] = i;
      for (let i = n - 1; i > 0; i--) {
        const j = rng.integer(i + 1);
        const kept = order[i] as number;
        order[i] = order[j] as number;
        order[j] = kept;
      }
      return order;
    },
    uniformArray(n, low, high) {
      requireLength('rng.uniformArray', n);
      requireOption(
        Number.isFinite(low) && Number.isFinite(high) && low <= high,
        'rng.uniformArray',
        '[low, high]',
        'two finite numbers in ascending order',
        [low, high],
        'Pass for example -1, 1.',
      );
      return filled(n, () => low + (high - low) * ((rng.uint32() >>> 8) * 2 ** -24));
    },
    normalArray(n, stddev) {
      requireLength('rng.normalArray', n);
      requireOption(
        Number.isFinite(stddev) && stddev >= 0,
        'rng.normalArray',
        'stddev',
        'a finite number >= 0',
        stddev,
        'Pass for example 1.',
      );
      return filled(n, () => stddev * rng.normal());
    },
    fork(label) {
      // FNV-1a over the label, then one word after the other: all 128 bits of the state count.
      let hash = 0x811c9dc5;
      for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
      for (const word of rng.state()) hash = mix(hash ^ word) + 0x9e3779b9;
      const next = splitMix(hash);
      return fromState([next(), next(), next(), next()]);
    },
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
    restore(state) {
      const isWord = (word: unknown): boolean =>
        Number.isInteger(word) && (word as number) >= 0 && (word as number) < 2 ** 32;
      requireOption(
        Array.isArray(state) && state.length === 4 && state.every(isWord) && state.some((word) => word !== 0),
        'rng.restore',
        'state',
        'four integers in [0, 2^32), not all 0',
        state,
        'Pass what state() gave.',
      );
      [a, b, c, d] = state;
    },
  };
  return rng;
}

function requireLength(where: string, n: number): void {
  if (n > 0) countParameters(n);
  requireInteger(where, 'n', n, 0);
}

function filled(n: number, draw: () => number): Float32Array {
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) values[i] = draw();
  return values;
}

/** Natural logarithm of 0 < x < 1 from exactly rounded operations only, so that its bits are the same everywhere. */
export function exactLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  // log m = 2 atanh s, s = (m - 1)/(m + 1), |s| < 0.172: 13 terms reach float64.
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let k = 25; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * s * sum + exponent * Math.LN2;
}
