import { DataError, phrase } from '@vqkit/core-tensor/errors';

/** Sums over tokens from which every statistic of latents and their codes follows; two of them merge into one. */
export interface LatentMoments {
  readonly tokens: number;
  /** Per feature: mean, and sum of squared deviations from it. */
  readonly mean: Float64Array;
  readonly squaredDeviations: Float64Array;
  /** Σ |z|². */
  readonly squaredNorm: number;
  /** Tokens whose latent is all zeros. */
  readonly zeroTokens: number;
  readonly pairs: PairSums;
}

/** Sums over the tokens that came with their code. */
interface PairSums {
  readonly tokens: number;
  /** Σ |z - q|². */
  readonly squaredError: number;
  /** Pairs with z ≠ 0 and q ≠ 0, which alone have an angle and a ratio of norms. */
  readonly directed: number;
  /** Directed pairs with ⟨z, q⟩ < 0. */
  readonly obtuse: number;
  /** Σ ln(|q|/|z|) over directed pairs. */
  readonly logNormRatio: number;
  /** Directed pairs by the angle between z and q, in bins of 10°; 90° itself lies below 90°. */
  readonly angles: readonly number[];
}

/** Bins from 0 to 180°. */
const ANGLE_BINS = 18;
const NO_ANGLES: readonly number[] = new Array<number>(ANGLE_BINS).fill(0);
const NO_PAIRS: PairSums = { tokens: 0, squaredError: 0, directed: 0, obtuse: 0, logNormRatio: 0, angles: NO_ANGLES };

/** Moments of the rows of `latents` (and `codes`) for which `counted` is not 0, in float64. */
export function latentMoments(
  where: string,
  latents: Float32Array,
  codes: Float32Array | undefined,
  dim: number,
  counted: Uint8Array,
): LatentMoments {
  const mean = new Float64Array(dim);
  const squaredDeviations = new Float64Array(dim);
  let tokens = 0;
  let squaredNorm = 0;
  let zeroTokens = 0;
  for (let n = 0; n < counted.length; n++) {
    if (counted[n] === 0) continue;
    tokens++;
    let square = 0;
    for (let i = 0, at = n * dim; i < dim; i++, at++) {
      const z = latents[at] as number;
      mean[i] = (mean[i] as number) + z;
      square += z * z;
    }
    squaredNorm += square;
    if (square === 0) zeroTokens++;
  }
  if (!Number.isFinite(squaredNorm)) throwNonFinite(where, 'latents', latents, dim, counted);
  if (tokens > 0) for (let i = 0; i < dim; i++) mean[i] = (mean[i] as number) / tokens;
  // A second pass: the expanded form Σz² - (Σz)²/N loses everything when the mean is large beside the spread.
  for (let n = 0; n < counted.length; n++) {
    if (counted[n] === 0) continue;
    for (let i = 0, at = n * dim; i < dim; i++, at++) {
      const deviation = (latents[at] as number) - (mean[i] as number);
      squaredDeviations[i] = (squaredDeviations[i] as number) + deviation * deviation;
    }
  }
  const pairs = codes === undefined ? NO_PAIRS : pairSums(where, latents, codes, dim, counted);
  return { tokens, mean, squaredDeviations, squaredNorm, zeroTokens, pairs };
}

function pairSums(
  where: string,
  latents: Float32Array,
  codes: Float32Array,
  dim: number,
  counted: Uint8Array,
): PairSums {
  let tokens = 0;
  let squaredError = 0;
  let directed = 0;
  let obtuse = 0;
  let logNormRatio = 0;
  const angles = [...NO_ANGLES];
  for (let n = 0; n < counted.length; n++) {
    if (counted[n] === 0) continue;
    tokens++;
    let zz = 0;
    let qq = 0;
    let zq = 0;
    let error = 0;
    for (let i = 0, at = n * dim; i < dim; i++, at++) {
      const z = latents[at] as number;
      const q = codes[at] as number;
      zz += z * z;
      qq += q * q;
      zq += z * q;
      error += (z - q) * (z - q);
    }
    squaredError += error;
    if (zz === 0 || qq === 0) continue;
    directed++;
    if (zq < 0) obtuse++;
    logNormRatio += Math.log(qq / zz) / 2;
    const bin = angleBin(zq, Math.sqrt(zz) * Math.sqrt(qq));
    angles[bin] = (angles[bin] as number) + 1;
  }
  if (!Number.isFinite(squaredError)) throwNonFinite(where, 'codes', codes, dim, counted);
  return { tokens, squaredError, directed, obtuse, logNormRatio, angles };
}

/** The bin of an angle by its cosine; beyond 90° it is exactly where ⟨z, q⟩ < 0, whatever the arc cosine rounds to. */
function angleBin(product: number, lengths: number): number {
  const angle = Math.acos(Math.max(-1, Math.min(1, product / lengths))) / Math.PI;
  const bin = Math.max(0, Math.ceil(angle * ANGLE_BINS) - 1);
  return product < 0 ? Math.max(bin, ANGLE_BINS / 2) : Math.min(bin, ANGLE_BINS / 2 - 1);
}

/** The moments of two sets of tokens together (Chan, Golub, LeVeque 1979). */
export function mergeMoments(a: LatentMoments, b: LatentMoments): LatentMoments {
  if (a.tokens === 0) return b;
  if (b.tokens === 0) return a;
  const tokens = a.tokens + b.tokens;
  const mean = new Float64Array(a.mean.length);
  const squaredDeviations = new Float64Array(a.mean.length);
  for (let i = 0; i < mean.length; i++) {
    const difference = (b.mean[i] as number) - (a.mean[i] as number);
    mean[i] = (a.mean[i] as number) + (difference * b.tokens) / tokens;
    squaredDeviations[i] =
      (a.squaredDeviations[i] as number) +
      (b.squaredDeviations[i] as number) +
      (difference * difference * a.tokens * b.tokens) / tokens;
  }
  return {
    tokens,
    mean,
    squaredDeviations,
    squaredNorm: a.squaredNorm + b.squaredNorm,
    zeroTokens: a.zeroTokens + b.zeroTokens,
    pairs: {
      tokens: a.pairs.tokens + b.pairs.tokens,
      squaredError: a.pairs.squaredError + b.pairs.squaredError,
      directed: a.pairs.directed + b.pairs.directed,
      obtuse: a.pairs.obtuse + b.pairs.obtuse,
      logNormRatio: a.pairs.logNormRatio + b.pairs.logNormRatio,
      angles: a.pairs.angles.map((count, i) => count + (b.pairs.angles[i] as number)),
    },
  };
}

function throwNonFinite(where: string, name: string, data: Float32Array, dim: number, counted: Uint8Array): never {
  const at = data.findIndex((value, i) => counted[Math.floor(i / dim)] !== 0 && !Number.isFinite(value));
  throw new DataError(
    where,
    name,
    'be finite',
    phrase(`${data[at]} at token ${Math.floor(at / dim)}, feature ${at % dim}`, data[at]),
    'Look for a division by zero or a diverging loss before it, or mask the token.',
  );
}
