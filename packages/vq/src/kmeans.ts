import {
  cast,
  concat,
  cumsum,
  div,
  expandDims,
  gather,
  greater,
  maximum,
  mean,
  minimum,
  mul,
  ones,
  where as select,
  slice,
  square,
  squaredDifference,
  step,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from '@tensorflow/tfjs-core';
import { nearestCode, type Rng, selectRows, unitLength } from '@vqkit/core-tensor';
import { clustersOf } from './ema.ts';

/**
 * k-means: codes at the means of the tokens that are nearest to them, from a k-means++ seeding. All on the engine, nothing is read; a
 * mean that loses all its tokens stays where it was.
 *
 * Source: Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007; Lloyd, "Least Squares Quantization in
 * PCM", 1982.
 *
 * @param x [N, d], of length 1 where `spherical`, which also puts the means at length 1.
 * @param weights [N] of 0 (does not count) or 1, not all 0.
 * @returns means [k, d] and how many tokens each has.
 */
export function kmeans(
  x: Tensor2D,
  weights: Tensor1D,
  { k, iterations, spherical, rng }: { k: number; iterations: number; spherical: boolean; rng: Rng },
): { means: Tensor2D; sizes: Tensor1D } {
  return tidy(() => {
    let means = seeds(x, weights, k, rng);
    let sizes = ones([k]) as Tensor1D;
    for (let i = 0; i < iterations; i++) {
      [means, sizes] = tidy(() => {
        const found = clustersOf(x, nearest(x, means), weights, k);
        const moved = div(found.sums, expandDims(maximum(found.sizes, 1), 1)) as Tensor2D;
        const kept = selectRows(greater(found.sizes, 0), spherical ? unitLength(moved, 1) : moved, means);
        return [kept, found.sizes] as [Tensor2D, Tensor1D];
      });
    }
    return { means, sizes };
  });
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

function nearest(x: Tensor2D, codes: Tensor2D): Tensor1D {
  const center = mean(codes, 0, true);
  const keys = sub(codes, center) as Tensor2D;
  return nearestCode({ x: sub(x, center), keys, bias: mul(sum(square(keys), 1), -0.5) });
}
