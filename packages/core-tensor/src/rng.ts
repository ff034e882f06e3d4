import { OptionError, show } from './errors.ts';

/** The whole state of a generator as plain numbers: store it in a checkpoint, give it to {@link Rng.restore}. */
export type RngState = readonly [number, number, number, number];

/**
 * Seeded random numbers: xoshiro128++ seeded by splitmix32. Same seed, same bits, on every machine and browser: only integer
 * operations and the exactly rounded IEEE operations (+ - * / sqrt) are used, never `Math.log` or `Math.cos`.
 *
 * Not for cryptography.
 */
export interface Rng {
  /** Uniform integer in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number;
  /** Standard normal (mean 0, variance 1), polar method. */
  normal(): number;
  /** Uniform integer in [0, bound), without modulo bias; 1 <= bound <= 2^32. */
  integer(bound: number): number;
  /** A random order of 0 … n-1 (Fisher-Yates). */
  permutation(n: number): Int32Array;
  /** n uniform numbers in [low, high) as float32. */
  uniformArray(n: number, low: number, high: number): Float32Array;
  /** n normal numbers with the given standard deviation as float32. */
  normalArray(n: number, stddev: number): Float32Array;
  /** An independent generator, a function of this one's seed material and the label only in its current state. */
  fork(label: string): Rng;
  state(): RngState;
  restore(state: RngState): void;
}

/**
 * @param seed integer in [0, 2^32).
 * @throws OptionError when the seed is not such an integer.
 * @example
 * const rng = createRng(1234);
 * rng.uint32(); // the same number on every machine
 */
export function createRng(seed: number): Rng {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new OptionError(`createRng: seed must be an integer in [0, 2^32), got ${show(seed)}. Use for example 1234.`);
  }
  return fromState(splitMix(seed));
}

function splitMix(seed: number): RngState {
  let h = seed | 0;
  const next = (): number => {
    h = (h + 0x9e3779b9) | 0;
    let t = h ^ (h >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
  return [next(), next(), next(), next()];
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
      return (high * 67108864 + low) / 9007199254740992;
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
      if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
        throw new OptionError(
          `rng.integer: bound must be an integer from 1 to 2^32, got ${show(bound)}. Use 1 or more.`,
        );
      }
      const limit = 2 ** 32 - (2 ** 32 % bound);
      for (;;) {
        const value = rng.uint32();
        if (value < limit) return value % bound;
      }
    },
    permutation(n) {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = rng.integer(i + 1);
        const kept = order[i] as number;
        order[i] = order[j] as number;
        order[j] = kept;
      }
      return order;
    },
    uniformArray: (n, low, high) => Float32Array.from({ length: n }, () => low + (high - low) * rng.uniform()),
    normalArray: (n, stddev) => Float32Array.from({ length: n }, () => stddev * rng.normal()),
    fork(label) {
      let hash = 0x811c9dc5;
      for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
      const [w, x, y, z] = rng.state();
      const mixed = splitMix((hash ^ w ^ Math.imul(x, 3) ^ Math.imul(y, 5) ^ Math.imul(z, 7)) >>> 0);
      return fromState(mixed);
    },
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
    restore(state) {
      if (state.length !== 4 || state.some((word) => !Number.isInteger(word) || word < 0 || word >= 2 ** 32)) {
        throw new OptionError(
          `rng.restore: state must be four integers in [0, 2^32), got ${show(state)}. Pass what state() gave.`,
        );
      }
      [a, b, c, d] = state;
    },
  };
  return rng;
}

/** Natural logarithm of 0 < x < 1 from exactly rounded operations only, so that its bits are the same everywhere. */
function exactLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let k = 25; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * s * sum + exponent * Math.LN2;
}
