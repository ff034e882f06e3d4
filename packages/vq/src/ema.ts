import {
  abs,
  add,
  cast,
  cumsum,
  div,
  expandDims,
  fill,
  floor,
  gather,
  greater,
  less,
  logicalAnd,
  maximum,
  minimum,
  mul,
  range,
  type Scalar,
  where as select,
  slice,
  square,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  topk,
  transpose,
  unsortedSegmentSum,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { type Rng, selectRows, sum, unitLength } from '@vqkit/core-tensor';
import type { VqConfig } from './options.ts';

/** Tokens summed by the code that they chose. */
export interface Clusters {
  /** n [K]: how many. */
  readonly sizes: Tensor1D;
  /** m [K, d]: their sums. */
  readonly sums: Tensor2D;
}

/** What one codebook is and remembers. */
export interface BookState extends Clusters {
  /** [K, d]. */
  readonly codes: Tensor2D;
}

/**
 * @param x [N, d], finite.
 * @param weights [N] of 0 (does not count) or 1.
 */
export function clustersOf(x: Tensor2D, indices: Tensor1D, weights: Tensor1D, k: number): Clusters {
  return {
    sizes: unsortedSegmentSum(weights, indices, k) as Tensor1D,
    sums: unsortedSegmentSum(mul(x, expandDims(weights, 1)), indices, k) as Tensor2D,
  };
}

/** Cluster sizes with Laplace smoothing, `Σn · (n + ε) / (Σn + K ε)`. */
export function smoothed(sizes: Tensor1D, eps: number): Tensor1D {
  if (eps === 0) return sizes;
  const total = sum(sizes);
  return mul(div(add(sizes, eps), add(total, sizes.size * eps)), total) as Tensor1D;
}

/**
 * One step of the moving averages with γ = `decay`, `n ← γ n + (1 - γ) n_batch` and m likewise, and the codes that follow:
 * `m / smoothed n`, for cosine similarity the direction of m. The code of an empty cluster stays, since its n and m shrink alike.
 */
export function emaStep(old: BookState, batch: Clusters, { decay, eps, useCosineSim }: VqConfig): BookState {
  const move = <T extends Tensor>(from: T, to: T): T => add(from, mul(sub(to, from), 1 - decay)) as T;
  const [sizes, sums] = [move(old.sizes, batch.sizes), move(old.sums, batch.sums)];
  const moved = useCosineSim ? unitOr(sums, old.codes) : (div(sums, expandDims(smoothed(sizes, eps), 1)) as Tensor2D);
  const chosen = logicalAnd(greater(batch.sizes, 0), greater(sizes, 0)) as Tensor1D;
  return { codes: selectRows(chosen, moved, old.codes), sizes, sums };
}

/**
 * Replaces each code whose cluster is smaller than `thresholdEmaDeadCode` by a token of the batch. Its averages start anew as well:
 * otherwise the next step would compute the dead code from them again.
 */
export function revive(state: BookState, x: Tensor2D, weights: Tensor1D, config: VqConfig, rng: Rng): BookState {
  const { codebookSize, thresholdEmaDeadCode, resetClusterSize } = config;
  const dead: Tensor1D = less(state.sizes, thresholdEmaDeadCode);
  const tokens = drawTokens(x, weights, codebookSize, rng);
  return {
    codes: selectRows(dead, tokens, state.codes),
    sizes: select(dead, fill([codebookSize], resetClusterSize), state.sizes),
    sums: selectRows(dead, mul(tokens, resetClusterSize) as Tensor2D, state.sums),
  };
}

/**
 * k tokens of weight 1 at random, different ones where there are k: every (R / k)th of the R tokens from a random start, in random
 * order. Padding in between changes nothing.
 */
export function drawTokens(x: Tensor2D, weights: Tensor1D, k: number, rng: Rng): Tensor2D {
  const [n] = x.shape;
  const shift = rng.uniform();
  const places = Float32Array.from(rng.permutation(k), (place) => (place + shift) / k);
  const count = sum(weights);
  const ranks = minimum(floor(mul(tensor1d(places), count)), maximum(sub(count, 1), 0));
  const rowOfRank = unsortedSegmentSum(mul(range(0, n), weights), ranksOf(weights), n);
  return gather(x, cast(gather(rowOfRank, cast(ranks, 'int32')), 'int32')) as Tensor2D;
}

/** int32 [N]: how many tokens that count come before each. */
export function ranksOf(weights: Tensor1D): Tensor1D {
  return cast(sub(cumsum(weights), weights), 'int32') as Tensor1D;
}

/** Tokens that a statistic is about. */
export interface Tokens {
  /** [N, d]; 0 where it does not count. */
  readonly x: Tensor2D;
  /** [N] of 0 (does not count) or 1. */
  readonly weights: Tensor1D;
}

/** Leaves out what no statistic may use: rows whose squares are not in float32, and for cosine similarity rows without a direction. */
export function usable(rows: Tensor2D, weights: Tensor1D | undefined, useCosineSim: boolean): Tokens {
  const fit: Tensor1D = useCosineSim ? hasDirection(rows) : less(sum(square(rows), 1), 2 ** 112);
  const counted = mul(cast(fit, 'float32'), weights ?? 1) as Tensor1D;
  return { x: selectRows(fit, rows, zerosLike(rows)), weights: counted };
}

/** The one or the other, as a whole. */
export function choose(first: Scalar, a: BookState, b: BookState): BookState {
  const one = <T extends Tensor>(a: T, b: T): T => select(first, a, b) as T;
  return { codes: one(a.codes, b.codes), sizes: one(a.sizes, b.sizes), sums: one(a.sums, b.sums) };
}

/**
 * The one door by which a vector becomes a code of cosine similarity: at length 1 where it has a direction, else `instead`. What has length 1
 * within rounding stays as it is, so that a state that was saved loads as the same bits.
 *
 * @param nearly how far a squared length may be from 1 to stay.
 */
export function unitOr(vectors: Tensor2D, instead: Tensor2D, nearly = 1e-6): Tensor2D {
  const stays = less(abs(sub(sum(square(vectors), 1), 1)), nearly) as Tensor1D;
  const units = unitLength(vectors, 1);
  return selectRows(stays, vectors, selectRows(hasDirection(units), units, instead));
}

/** bool [N]: which rows of what {@link unitLength} gave are no zeros, and numbers. */
export function hasDirection(units: Tensor2D): Tensor1D {
  return greater(sum(square(units), 1), 0.25);
}

/**
 * [1, d]: the median of each feature over some rows, of odd number and finite. An origin near which tokens lie, and which a few far ones
 * cannot move, as they would move the mean: what is added up around it loses no digits to an offset that all have in common.
 */
export function middleOf(rows: Tensor2D): Tensor2D {
  const [n, d] = rows.shape;
  const { values } = topk(transpose(rows), (n + 1) / 2);
  return transpose(slice(values, [0, (n - 1) / 2], [d, 1])) as Tensor2D;
}

/** Nine rows from all over x. */
export function someRows(x: Tensor2D): Tensor2D {
  const places = Int32Array.from({ length: 9 }, (_, i) => Math.floor(((i + 0.5) / 9) * x.shape[0]));
  return gather(x, tensor1d(places, 'int32') as Tensor1D) as Tensor2D;
}
