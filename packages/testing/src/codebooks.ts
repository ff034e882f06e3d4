import { createRng, type Rng } from '@vqkit/core-tensor';

/** Codes [K, dim] and tokens [N, dim] for a search. */
export interface SearchProblem {
  readonly codes: Float32Array;
  readonly x: Float32Array;
  readonly dim: number;
}

type Sizes = readonly [k: number, n: number, dim: number];

/** Tokens at codes, near them, and in the middle between two of them. */
function around(codes: Float32Array, [k, n, dim]: Sizes, rng: Rng, noise: number): Float32Array {
  const x = new Float32Array(n * dim);
  for (let row = 0; row < n; row++) {
    const [a, b, share] = [rng.integer(k), rng.integer(k), [0, 0, 0.5, 0.3][row % 4] as number];
    const moved = rng.normalArray(dim, row % 4 === 0 ? 0 : noise);
    for (let i = 0; i < dim; i++) {
      const [from, to] = [codes[a * dim + i] as number, codes[b * dim + i] as number];
      const value = from * (1 - share) + to * share;
      const near = value + (moved[i] as number) * Math.max(Math.abs(value), 1e-42);
      x[row * dim + i] = Number.isFinite(value) ? Math.max(-3.4e38, Math.min(3.4e38, near)) : i;
    }
  }
  return x;
}

function each(codes: Float32Array, dim: number, f: (value: number, code: number, feature: number) => number): void {
  for (let i = 0; i < codes.length; i++) codes[i] = f(codes[i] as number, Math.floor(i / dim), i % dim);
}

const powers = (rng: Rng, from: number, to: number): number => 10 ** (from + (to - from) * (rng.integer(1001) / 1000));

/** Codebooks that take the digits of searches by scores: what each does to normal random codes. */
const KINDS: Record<string, (codes: Float32Array, sizes: Sizes, rng: Rng) => void> = {
  ordinary: () => undefined,
  offset: (codes, [, , dim], rng) => {
    const offset = powers(rng, 1, 8);
    each(codes, dim, (value) => value + offset);
  },
  'one far code': (codes, [k, , dim], rng) => {
    const far = rng.integer(k);
    const factor = powers(rng, 3, 37);
    each(codes, dim, (value, code) => (code === far ? value * factor : value));
  },
  'rows pruned by sentinels': (codes, [, , dim], rng) => {
    const sentinels = [1e10, 1e30, -1e10, 3e38, Number.POSITIVE_INFINITY, Number.NaN];
    each(codes, dim, (value, code) => (code % 3 === 1 ? (sentinels[Math.floor(code / 3) % 6] as number) : value));
    if (rng.integer(2) === 0) codes.fill(1e10, 0, Math.floor(codes.length / dim / 2) * dim);
  },
  'two clusters': (codes, [, , dim], rng) => {
    const apart = powers(rng, 2, 12);
    each(codes, dim, (value, code) => value + (code % 2 === 0 ? apart : -apart));
  },
  'many clusters': (codes, [, , dim], rng) => {
    const centers = rng.normalArray(16 * dim, powers(rng, 2, 6));
    each(codes, dim, (value, code, i) => value + (centers[((code * 7) % 16) * dim + i] as number));
  },
  'each code of its own magnitude': (codes, [, , dim], rng) => {
    const factors = new Map<number, number>();
    each(codes, dim, (value, code) => {
      const factor = factors.get(code) ?? powers(rng, -22, 38);
      factors.set(code, factor);
      return Math.max(-3.4e38, Math.min(3.4e38, value * factor));
    });
  },
  'each element of its own magnitude': (codes, [, , dim], rng) => {
    each(codes, dim, (value) => Math.max(-3.4e38, Math.min(3.4e38, value * powers(rng, -22, 38))));
  },
  tiny: (codes, [, , dim], rng) => {
    const factor = powers(rng, -44, -20);
    each(codes, dim, (value) => value * factor);
  },
  huge: (codes, [, , dim]) => each(codes, dim, (value) => Math.max(-3.4e38, Math.min(3.4e38, value * 1e38))),
  'repeated rows': (codes, [k, , dim], rng) => {
    const copies = 2 + rng.integer(20);
    const own = codes.slice();
    each(codes, dim, (_, code, i) => own[Math.floor((code * 31) % Math.ceil(k / copies)) * dim + i] as number);
  },
  'on a line': (codes, [, , dim], rng) => {
    const along = rng.normalArray(dim, 1);
    const own = codes.slice();
    each(codes, dim, (_, code, i) => (own[code * dim] as number) * (along[i] as number));
  },
  'on a sphere': (codes, [, , dim]) => {
    const own = codes.slice();
    each(codes, dim, (value, code) => value / Math.hypot(...own.subarray(code * dim, (code + 1) * dim)));
  },
  'one code only': (codes, [, , dim]) => {
    const own = codes.slice(0, dim);
    each(codes, dim, (_, __, i) => own[i] as number);
  },
  'neighbouring numbers': (codes, [, , dim], rng) => {
    const own = codes.slice(0, dim);
    each(codes, dim, (_, __, i) => (own[i] as number) * (1 + rng.integer(4) * 2 ** -23));
  },
};

/** Names of the kinds of codebooks of {@link hardSearch}. */
export const HARD_CODEBOOKS: readonly string[] = Object.keys(KINDS);

/** A codebook of that kind, and tokens at its codes, near them and between them. */
export function hardSearch(kind: string, sizes: Sizes, seed: number): SearchProblem {
  const rng = createRng(seed);
  const [k, , dim] = sizes;
  const codes = rng.normalArray(k * dim, 1);
  KINDS[kind]?.(codes, sizes, rng);
  return { codes, x: around(codes, sizes, rng, powers(rng, -8, 0)), dim };
}

/** `argmin_k Σ (x - c_k)²` in float64, feature by feature, the lowest index of equal sums; passes over codes that are not finite. */
export function nearestByFloat64({ codes, x, dim }: SearchProblem): Int32Array {
  const finite = Array.from({ length: codes.length / dim }, (_, k) =>
    codes.subarray(k * dim, (k + 1) * dim).every(Number.isFinite),
  );
  return Int32Array.from({ length: x.length / dim }, (_, n) => {
    let [index, least] = [Math.max(0, finite.indexOf(true)), Number.POSITIVE_INFINITY];
    for (let k = 0; k < finite.length; k++) {
      if (!finite[k]) continue;
      let distance = 0;
      for (let i = 0; i < dim; i++) distance += ((x[n * dim + i] as number) - (codes[k * dim + i] as number)) ** 2;
      if (distance < least) [index, least] = [k, distance];
    }
    return index;
  });
}

/** `|x_n - c_k|²` of float32 numbers without any rounding, in units of 2^-298. */
export function exactDistance({ codes, x, dim }: SearchProblem, n: number, k: number): bigint {
  let sum = 0n;
  for (let i = 0; i < dim; i++) {
    const difference = wholeOf(x[n * dim + i] as number) - wholeOf(codes[k * dim + i] as number);
    sum += difference * difference;
  }
  return sum;
}

/** A float32 in units of 2^-149. */
function wholeOf(value: number): bigint {
  const [bits = 0] = new Int32Array(Float32Array.of(value).buffer);
  const exponent = (bits >>> 23) & 255;
  const mantissa = BigInt((bits & 0x7fffff) | (exponent === 0 ? 0 : 0x800000)) << BigInt(Math.max(exponent, 1) - 1);
  return bits < 0 ? -mantissa : mantissa;
}
