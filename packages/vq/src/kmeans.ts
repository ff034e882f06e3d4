import {
  abs,
  add,
  cast,
  concat,
  cumsum,
  div,
  expandDims,
  floor,
  gather,
  greater,
  log,
  max,
  maximum,
  minimum,
  mul,
  ones,
  pow,
  scalar,
  where as select,
  slice,
  squaredDifference,
  step,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { nearestCodeExact, type Rng, selectRows } from '@vqkit/core-tensor';
import { clustersOf, drawTokens } from './ema.ts';
import { middleOf } from './middle.ts';
import { unitOr } from './units.ts';

export interface KmeansOptions {
  readonly k: number;
  readonly iterations: number;
  /** x has length 1, and so have the means. */
  readonly spherical: boolean;
  /** k-means++, which takes k steps one after the other; or tokens spread over x. Default k-means++. */
  readonly seeding?: 'kmeans++' | 'spread';
  readonly rng: Rng;
}

/**
 * k-means: codes at the means of the tokens that are nearest to them. All on the engine, nothing is read; a mean that loses all its tokens
 * stays where it was. Tokens are moved to the origin and scaled to magnitude 1 first, so that neither an offset that they have in common
 * nor their size costs digits.
 *
 * Source: Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007; Lloyd, "Least Squares Quantization in
 * PCM", 1982.
 *
 * @param x [N, d], finite.
 * @param weights [N] of 0 (does not count) or 1, not all 0.
 * @returns means [k, d] and how many tokens each has.
 */
export function kmeans(
  x: Tensor2D,
  weights: Tensor1D,
  { k, iterations, spherical, seeding = 'kmeans++', rng }: KmeansOptions,
): { means: Tensor2D; sizes: Tensor1D } {
  return tidy(() => {
    const origin = spherical ? zeros([1, x.shape[1]]) : middleOf(drawTokens(x, weights, 9, rng.fork('origin')));
    const moved = mul(sub(x, origin), expandDims(weights, 1));
    const scale = spherical ? scalar(1) : magnitudeOf(moved);
    const tokens = div(moved, scale) as Tensor2D;

    let means = seeding === 'spread' ? drawTokens(tokens, weights, k, rng) : seeds(tokens, weights, k, rng);
    let sizes = ones([k]) as Tensor1D;
    for (let i = 0; i < iterations; i++) {
      [means, sizes] = tidy(() => {
        const found = clustersOf(tokens, nearestCodeExact({ x: tokens, codes: means }), weights, k);
        const averages = div(found.sums, expandDims(maximum(found.sizes, 1), 1)) as Tensor2D;
        const next = spherical ? unitOr(averages, means) : averages;
        return [selectRows(greater(found.sizes, 0), next, means), found.sizes] as [Tensor2D, Tensor1D];
      });
    }
    return { means: spherical ? means : (add(mul(means, scale), origin) as Tensor2D), sizes };
  });
}

/** A power of two near the largest magnitude, so that a division by it is exact. */
function magnitudeOf(x: Tensor): Tensor {
  const largest = maximum(max(abs(x)), 2 ** -120);
  return pow(2, floor(div(log(largest), Math.LN2)));
}

/**
 * k-means++: the first seed is a token drawn uniformly, each further one a token drawn with probability ∝ the squared distance to the
 * nearest seed so far; uniformly again once every token is a seed.
 */
export function seeds(x: Tensor2D, weights: Tensor1D, k: number, rng: Rng): Tensor2D {
  const uniform: Tensor1D = cumsum(weights);
  const chosen: Tensor2D[] = [];
  let distances: Tensor1D | undefined;
  for (const draw of rng.uniformArray(k, 0, 1)) {
    const [seed, shorter] = tidy(() => {
      const seed = gather(x, expandDims(drawRow(distances, uniform, draw), 0)) as Tensor2D;
      const toSeed = mul(sum(squaredDifference(x, seed), 1), weights) as Tensor1D;
      return [seed, distances === undefined ? toSeed : minimum(distances, toSeed)] as [Tensor2D, Tensor1D];
    });
    distances?.dispose();
    distances = shorter;
    chosen.push(seed);
  }
  return concat(chosen, 0);
}

/** int32 []: i with probability chance_i / Σ chance, by one uniform number in [0, 1); by `uniform` where all chances are 0. */
function drawRow(chance: Tensor1D | undefined, uniform: Tensor1D, draw: number): Tensor {
  const n = uniform.shape[0];
  const total = (steps: Tensor1D): Tensor1D => slice(steps, [n - 1], [1]);
  let steps = uniform;
  if (chance !== undefined) {
    const own: Tensor1D = cumsum(chance);
    steps = select(greater(total(own), 0), own, uniform) as Tensor1D;
  }
  // draw · total < total, so that a row is found unless nothing counts; a row of chance 0 is a step of height 0 and is never drawn.
  const above = sum(step(sub(steps, mul(total(steps), draw))));
  return cast(minimum(sub(n, above), n - 1), 'int32');
}
