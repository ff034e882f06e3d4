import { requireInteger } from '@vqkit/core-tensor/check';
import { finiteRows } from './rows.ts';

/** The two best codes of each of N tokens and how far apart they are. */
export interface TopTwo {
  /** The nearest code; the lowest index wins a tie. */
  readonly nearest: Int32Array;
  /** The nearest of the others; equal to `nearest` in distance at a tie. */
  readonly second: Int32Array;
  /** Gap between the two, >= 0: d₂² - d₁² of squared distances, or best - second of scores. */
  readonly margins: Float64Array;
}

export interface TopTwoDistances extends TopTwo {
  /** Distance from the token to the border between the two cells, (d₂² - d₁²) / (2 |c₂ - c₁|): a shorter move cannot swap the two. */
  readonly borderDistances: Float64Array;
}

/** Codes of one tile stay in the first-level cache while all tokens pass by: 2^12 float32 are 16 KiB. */
const TILE_ELEMENTS = 2 ** 12;

/**
 * Nearest and second nearest code of every token by squared Euclidean distance, by brute force in float64 on the differences
 * themselves, so that a large common offset costs no precision. The distribution of the margins tells how many ids another engine,
 * another precision or a little noise may flip.
 *
 * Work: O(N · K · dim); N × K is never stored.
 *
 * @param latents N · dim elements, row after row.
 * @param codes K · dim elements, K >= 2.
 * @param dim features per token.
 * @throws OptionError for a bad dim, ShapeError when a length is no multiple of it or K < 2, DataError at a value that is not
 * finite.
 * @example
 * topTwoMargins(Float32Array.of(0.1, 0), Float32Array.of(0, 0, 1, 0), 2);
 * // nearest [0], second [1], margins [0.8], borderDistances [0.4]
 */
export function topTwoMargins(latents: Float32Array, codes: Float32Array, dim: number): TopTwoDistances {
  const where = 'topTwoMargins';
  const tokens = finiteRows(where, 'latents', latents, dim, 0);
  const codebookSize = finiteRows(where, 'codes', codes, dim, 2);
  const nearest = new Int32Array(tokens);
  const second = new Int32Array(tokens);
  const best = new Float64Array(tokens).fill(Number.POSITIVE_INFINITY);
  const next = new Float64Array(tokens).fill(Number.POSITIVE_INFINITY);
  const tile = Math.max(1, Math.floor(TILE_ELEMENTS / dim));
  for (let from = 0; from < codebookSize; from += tile) {
    const to = Math.min(from + tile, codebookSize);
    for (let n = 0; n < tokens; n++) {
      for (let k = from; k < to; k++) {
        const distance = squaredDistance(latents, n * dim, codes, k * dim, dim);
        if (distance < (best[n] as number)) {
          next[n] = best[n] as number;
          second[n] = nearest[n] as number;
          best[n] = distance;
          nearest[n] = k;
        } else if (distance < (next[n] as number)) {
          next[n] = distance;
          second[n] = k;
        }
      }
    }
  }
  const margins = next.map((distance, n) => distance - (best[n] as number));
  const borderDistances = margins.map((margin, n) => {
    const apart = squaredDistance(codes, (nearest[n] as number) * dim, codes, (second[n] as number) * dim, dim);
    return apart === 0 ? 0 : margin / (2 * Math.sqrt(apart));
  });
  return { nearest, second, margins, borderDistances };
}

/**
 * The same from scores that already exist: of each row of K scores the best (largest), the second best and the gap.
 *
 * @param scores N · K elements; larger is better (pass negated distances).
 * @param codebookSize K >= 2.
 * @throws OptionError, ShapeError, DataError as {@link topTwoMargins}.
 * @example
 * topTwoOfScores(Float32Array.of(1, 5, 4), 3); // nearest [1], second [2], margins [1]
 */
export function topTwoOfScores(scores: Float32Array, codebookSize: number): TopTwo {
  const where = 'topTwoOfScores';
  requireInteger(where, 'codebookSize', codebookSize, 2);
  const tokens = finiteRows(where, 'scores', scores, codebookSize, 0);
  const nearest = new Int32Array(tokens);
  const second = new Int32Array(tokens);
  const margins = new Float64Array(tokens);
  for (let n = 0; n < tokens; n++) {
    let best = Number.NEGATIVE_INFINITY;
    let next = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < codebookSize; k++) {
      const score = scores[n * codebookSize + k] as number;
      if (score > best) {
        next = best;
        second[n] = nearest[n] as number;
        best = score;
        nearest[n] = k;
      } else if (score > next) {
        next = score;
        second[n] = k;
      }
    }
    margins[n] = best - next;
  }
  return { nearest, second, margins };
}

function squaredDistance(a: Float32Array, atA: number, b: Float32Array, atB: number, dim: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) {
    const difference = (a[atA + i] as number) - (b[atB + i] as number);
    sum += difference * difference;
  }
  return sum;
}
