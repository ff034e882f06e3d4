import {
  add,
  cast,
  cumsum,
  div,
  expandDims,
  fill,
  floor,
  gather,
  less,
  maximum,
  minimum,
  mul,
  range,
  where as select,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  unsortedSegmentSum,
} from '@tensorflow/tfjs-core';
import { type Rng, selectRows, unitLength } from '@vqkit/core-tensor';
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

/** As in the search: a row of this length or more, or with a NaN, is not used. */
const LIMIT = 2 ** 56;

/** bool [N]: which rows count in statistics. */
export function usableRows(x: Tensor2D): Tensor1D {
  return less(sum(square(x), 1), LIMIT ** 2);
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

/** One step of the moving averages with γ = `decay`: `n ← γ n + (1 - γ) n_batch`, and m likewise. */
export function movingAverage(old: Clusters, batch: Clusters, decay: number): Clusters {
  const move = <T extends Tensor>(from: T, to: T): T => add(from, mul(sub(to, from), 1 - decay)) as T;
  return { sizes: move(old.sizes, batch.sizes), sums: move(old.sums, batch.sums) };
}

/** Cluster sizes with Laplace smoothing, which keeps an empty cluster's above 0: `Σn · (n + ε) / (Σn + K ε)`. */
export function smoothed(sizes: Tensor1D, eps: number): Tensor1D {
  const total = sum(sizes);
  return mul(div(add(sizes, eps), add(total, sizes.size * eps)), total) as Tensor1D;
}

/** The codes that the averages stand for, `m / smoothed n`, at length 1 for cosine similarity. */
export function meansOf({ sizes, sums }: Clusters, { eps, useCosineSim }: VqConfig): Tensor2D {
  const means = div(sums, expandDims(smoothed(sizes, eps), 1)) as Tensor2D;
  return useCosineSim ? unitLength(means, 1) : means;
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
function drawTokens(x: Tensor2D, weights: Tensor1D, k: number, rng: Rng): Tensor2D {
  const [n] = x.shape;
  const shift = rng.uniform();
  const places = Float32Array.from(rng.permutation(k), (place) => (place + shift) / k);
  const count = sum(weights);
  const ranks = minimum(floor(mul(tensor1d(places), count)), maximum(sub(count, 1), 0));
  // The row of each rank among the tokens that count.
  const rankOfRow = cast(sub(cumsum(weights), weights), 'int32') as Tensor1D;
  const rowOfRank = unsortedSegmentSum(mul(range(0, n), weights), rankOfRow, n);
  return gather(x, cast(gather(rowOfRank, cast(ranks, 'int32')), 'int32')) as Tensor2D;
}
