import {
  cast,
  notEqual,
  reshape,
  scalar,
  Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  transpose,
  util,
} from '@tensorflow/tfjs-core';
import { withoutGradient } from './autodiff.ts';
import { requireOption } from './check.ts';
import { DtypeError, OptionError, phrase, ShapeError, show } from './errors.ts';
import { requireOnEngine } from './on-engine.ts';
import type { DataFormat } from './token-options.ts';

/**
 * Throws unless `value` is a tensor of tfjs that was not disposed, of the active engine.
 *
 * @throws OptionError; UnsupportedError for a tensor of another engine.
 * @example
 * requireTensor('createFsq().encode', 'z', [1, 2]); // createFsq().encode: z must be a tensor, got [1,2]. Make one with tf.tensor(…).
 */
export function requireTensor(where: string, argument: string, value: unknown): asserts value is Tensor {
  requireOption(value instanceof Tensor, where, argument, 'a tensor', value, 'Make one with tf.tensor(…).');
  if ((value as Tensor).isDisposed) {
    throw new OptionError(
      where,
      argument,
      'be alive',
      phrase(`a disposed tensor of shape ${show((value as Tensor).shape)}`, (value as Tensor).shape),
      'Dispose it later, or keep it with tf.keep(x).',
    );
  }
  requireOnEngine(where, argument, value as Tensor);
}

/** How a tensor of any rank >= 2 is seen as a list of N tokens, and back. */
export interface TokenLayout {
  /** Shape of the tensor without its feature axis; its product is N. */
  readonly tokenShape: readonly number[];
  /** The tensor as [N, dim], tokens in row-major order of their shape; itself where it is that. Differentiable. */
  toTokens(z: Tensor): Tensor2D;
  /** [N, dim] back to the layout of the tensor; themselves where that is the same. Differentiable. */
  fromTokens(tokens: Tensor2D): Tensor;
}

/**
 * The layout of latents z: where their feature axis is, once checked.
 *
 * @param where name of the calling function, for errors.
 * @param z float32, rank >= 2, `dim` long on its feature axis.
 * @throws OptionError unless z is a tensor; DtypeError unless it is float32; ShapeError when its rank is below 2 or its feature axis
 * is not `dim` long.
 * @example
 * const layout = tokenLayout('encode', z, 4, 'channelsFirst'); // z: [2, 4, 7, 7]
 * const tokens = layout.toTokens(z);                          // [98, 4]
 * const same = layout.fromTokens(tokens);                     // [2, 4, 7, 7]
 */
export function tokenLayout(where: string, z: Tensor, dim: number, dataFormat: DataFormat): TokenLayout {
  requireTensor(where, 'z', z);
  if (z.dtype !== 'float32')
    throw new DtypeError(where, 'z', 'be float32', z.dtype, "Cast it with tf.cast(z, 'float32').");
  if (z.rank < 2) {
    throw new ShapeError(where, 'z', 'have rank >= 2', z.shape, 'Add a batch axis, for example tf.expandDims(z, 0).');
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
      where,
      'z',
      `have ${dim} features on axis ${axis} (dataFormat '${dataFormat}')`,
      z.shape,
      hint,
    );
  }
  const tokenShape = z.shape.filter((_, i) => i !== axis);
  return layoutOf(tokenShape, dim, dataFormat);
}

/**
 * The layout of a tensor that does not exist yet, from the shape of its tokens.
 *
 * @param tokenShape shape of the tensor without its feature axis; [] is one token, whose tensor is [dim].
 * @example
 * layoutOf([2, 7, 7], 4, 'channelsFirst').fromTokens(codes); // [98, 4] → [2, 4, 7, 7]
 */
export function layoutOf(tokenShape: readonly number[], dim: number, dataFormat: DataFormat): TokenLayout {
  const rank = tokenShape.length + 1;
  const shapeLast = [...tokenShape, dim];
  const moves = dataFormat === 'channelsFirst' && rank > 2;
  return {
    tokenShape,
    toTokens: (z) => (moves ? tidy(() => asRows(transpose(z, [0, ...range(2, rank), 1]), dim)) : asRows(z, dim)),
    fromTokens(tokens) {
      if (!moves) return inShape(tokens, shapeLast);
      return tidy(() => {
        const last = inShape(tokens, shapeLast);
        const toFirst = [0, rank - 1, ...range(1, rank - 1)];
        // tfjs's wasm engine divides by zero when it transposes nothing.
        return last.size === 0
          ? reshape(
              last,
              toFirst.map((axis) => shapeLast[axis] as number),
            )
          : transpose(last, toFirst);
      });
    },
  };
}

/** x itself where it has the shape, because each operation costs a small step a percent of its time; else reshaped. */
function inShape(x: Tensor, shape: readonly number[]): Tensor {
  return util.arraysEqual(x.shape, [...shape]) ? x : reshape(x, [...shape]);
}

/**
 * x as a matrix with rows of `width` elements; x itself where it is one.
 *
 * @example
 * asRows(tf.ones([2, 3, 4]), 2); // [12, 2]
 */
export function asRows(x: Tensor, width: number): Tensor2D {
  return x.rank === 2 && x.shape[1] === width ? (x as Tensor2D) : (reshape(x, [-1, width]) as Tensor2D);
}

/**
 * Checks a mask and returns it as N weights: 1 where it is true or any number but 0 (a real token), 0 elsewhere (padding). The
 * weights are constants: no gradient flows to the mask, so that it may be computed from z.
 *
 * @param mask bool, int32 or float32, shape `tokenShape`.
 * @returns float32 [N]; the caller disposes it.
 * @throws OptionError unless the mask is a tensor; DtypeError for another dtype; ShapeError for another shape.
 * @example
 * maskWeights('quantize', tf.tensor([2, 0, 0.5], [3]), [3]); // [1, 0, 1]
 */
export function maskWeights(where: string, mask: Tensor, tokenShape: readonly number[]): Tensor1D {
  requireTensor(where, 'mask', mask);
  if (mask.dtype !== 'bool' && mask.dtype !== 'int32' && mask.dtype !== 'float32') {
    throw new DtypeError(where, 'mask', 'be bool, int32 or float32', mask.dtype, 'Pass true or 1 for each real token.');
  }
  if (mask.shape.length !== tokenShape.length || mask.shape.some((size, i) => size !== tokenShape[i])) {
    throw new ShapeError(
      where,
      'mask',
      `have the shape of the tokens ${show(tokenShape)}`,
      mask.shape,
      'Give one value per token, without the feature axis.',
    );
  }
  // Compared, never cast to bool: a cast keeps the low byte on wasm, which makes 0.5 and 256 padding and 2 a weight of 2.
  return withoutGradient(() => {
    const real = notEqual(cast(mask, 'float32'), scalar(0));
    return reshape(cast(real, 'float32'), [-1]) as Tensor1D;
  });
}

function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
}
