import { cast, reshape, type Tensor, type Tensor1D, type Tensor2D, transpose } from '@tensorflow/tfjs-core';
import { DtypeError, ShapeError, show } from './errors.ts';

/** Where the feature axis is: last (`[batch, …, dim]`) or second (`[batch, dim, …]`). Never guessed from the rank. */
export type DataFormat = 'channelsLast' | 'channelsFirst';

/** How a tensor of any rank >= 2 is seen as a list of N tokens, and back. */
export interface TokenLayout {
  /** Shape of the tensor without its feature axis; its product is N. */
  readonly tokenShape: readonly number[];
  /** [N, dim]. */
  toTokens(z: Tensor): Tensor2D;
  /** Back to the layout of z. */
  fromTokens(tokens: Tensor2D): Tensor;
}

/**
 * @param where name of the calling function, for errors.
 * @throws DtypeError unless z is float32; ShapeError when the rank is below 2 or the feature axis is not `dim` long.
 */
export function tokenLayout(where: string, z: Tensor, dim: number, dataFormat: DataFormat): TokenLayout {
  if (z.dtype !== 'float32')
    throw new DtypeError(`${where}: z must be float32, got ${z.dtype}. Cast it with tf.cast(z, 'float32').`);
  if (z.rank < 2) {
    throw new ShapeError(
      `${where}: z must have rank >= 2, got shape ${show(z.shape)}. Add a batch axis, for example tf.expandDims(z, 0).`,
    );
  }
  const axis = dataFormat === 'channelsLast' ? z.rank - 1 : 1;
  if (z.shape[axis] !== dim) {
    const other = dataFormat === 'channelsLast' ? 'channelsFirst' : 'channelsLast';
    const otherAxis = dataFormat === 'channelsLast' ? 1 : z.rank - 1;
    const hint =
      z.shape[otherAxis] === dim
        ? `Create the quantizer with dataFormat: '${other}'.`
        : `Create the quantizer with dim: ${z.shape[axis]}.`;
    throw new ShapeError(
      `${where}: z must have ${dim} features on axis ${axis} (dataFormat '${dataFormat}'), got shape ${show(z.shape)}. ${hint}`,
    );
  }
  return layoutOf(tokenShapeOf(z.shape, axis), dim, dataFormat);
}

/** The layout of a tensor that does not exist yet: from the shape of its tokens, as {@link tokenLayout} gives it. */
export function layoutOf(tokenShape: readonly number[], dim: number, dataFormat: DataFormat): TokenLayout {
  const rank = tokenShape.length + 1;
  const shapeLast = [...tokenShape, dim];
  const moves = dataFormat === 'channelsFirst' && rank > 2;
  const toLast = [0, ...range(2, rank), 1];
  const toFirst = [0, rank - 1, ...range(1, rank - 1)];
  return {
    tokenShape,
    toTokens: (z) => reshape(moves ? transpose(z, toLast) : z, [-1, dim]),
    fromTokens: (tokens) => {
      const last = reshape(tokens, shapeLast);
      return moves ? transpose(last, toFirst) : last;
    },
  };
}

/** Checks a mask (true or non-zero = a real token) and returns it as N weights of 0 or 1. */
export function maskWeights(where: string, mask: Tensor, tokenShape: readonly number[]): Tensor1D {
  if (mask.shape.length !== tokenShape.length || mask.shape.some((size, i) => size !== tokenShape[i])) {
    throw new ShapeError(
      `${where}: mask must have the shape of the tokens ${show(tokenShape)}, got ${show(mask.shape)}. Give one value per token, without the feature axis.`,
    );
  }
  return reshape(cast(cast(mask, 'bool'), 'float32'), [-1]);
}

function tokenShapeOf(shape: readonly number[], axis: number): number[] {
  return shape.filter((_, i) => i !== axis);
}

function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
}
