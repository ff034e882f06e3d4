import {
  cast,
  divNoNan,
  expandDims,
  fill,
  greater,
  mul,
  reshape,
  type Scalar,
  where as select,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { mean, phrase, requireKnownOptions, ShapeError, show, sum, zerosFrom } from '@vqkit/core-tensor';

/** How much each token counts in a mean. */
export interface TokenWeights {
  /**
   * One weight >= 0 per token, the shape of the values without their last axis (bool, int32 or float32; 0 or false = padding).
   * Only their proportions matter; what a token of weight 0 holds (NaN too) changes neither value nor gradient. Default all equal.
   */
  readonly weights?: Tensor | undefined;
}

/** Checks that z and q have the same shape of rank >= 1, and the options; returns the weights. */
export function checkPair(where: string, z: Tensor, q: Tensor, options: TokenWeights): Tensor1D | undefined {
  requireKnownOptions(where, options, ['weights']);
  if (z.rank < 1 || z.rank !== q.rank || z.shape.some((size, i) => size !== q.shape[i])) {
    throw new ShapeError(
      where,
      'z and q',
      'have the same shape of rank >= 1',
      phrase(`${show(z.shape)} and ${show(q.shape)}`, [z.shape, q.shape]),
      'Pass one code per token.',
    );
  }
  return flatWeights(where, 'weights', options.weights, z);
}

/** The tokens of x as rows, [N, features]; zeros in the rows of weight 0. */
export function tokenRows(x: Tensor, weights: Tensor1D | undefined): Tensor2D {
  const features = x.shape.at(-1) as number;
  const rows = reshape(x, [x.size / Math.max(features, 1), features]) as Tensor2D;
  return weights === undefined ? rows : (select(greater(expandDims(weights, 1), 0), rows, zerosLike(rows)) as Tensor2D);
}

/** Checks the weights of the tokens of x and flattens them, float32 [N]. */
export function flatWeights(
  where: string,
  argument: string,
  weights: Tensor | undefined,
  x: Tensor,
): Tensor1D | undefined {
  if (x.rank < 1) {
    throw new ShapeError(where, 'values', 'have rank >= 1', [], 'Put the features on the last axis.');
  }
  if (weights === undefined) return undefined;
  const tokenShape = x.shape.slice(0, -1);
  if (weights.rank !== tokenShape.length || weights.shape.some((size, i) => size !== tokenShape[i])) {
    throw new ShapeError(
      where,
      argument,
      `have the shape of the tokens ${show(tokenShape)}`,
      weights.shape,
      'Give one weight per token, without the feature axis.',
    );
  }
  return reshape(cast(weights, 'float32'), [-1]);
}

/** The share of each of n tokens in a mean: w / Σw, all 0 where every weight is 0. */
export function shares(weights: Tensor1D | undefined, n: number): Tensor1D {
  return weights === undefined ? fill([n], 1 / n) : divNoNan(weights, sum(weights));
}

/** Mean over the tokens, by weight, of the mean over the features: [N, features] → scalar. 0 for no tokens. */
export function tokenMean(values: Tensor2D, weights: Tensor1D | undefined): Scalar {
  if (values.size === 0) return zerosFrom([], [values]) as Scalar;
  if (weights === undefined) return mean(values);
  return sum(mul(mean(values, 1), shares(weights, values.shape[0])));
}
