import {
  add,
  concat,
  type NamedTensorMap,
  pad,
  reshape,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  transpose,
} from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel, matMul, phrase, ShapeError, show, sum } from '@vqkit/core-tensor';

/** How a convolution's filter lies over its input, along one axis. */
export interface Sliding {
  /** Places between two positions of the filter. */
  readonly stride: number;
  /** Places between two taps of the filter. */
  readonly dilation: number;
  /** Zeros before and after the input. */
  readonly before: number;
  readonly after: number;
}

/** Along height and width. */
export type Sliding2d = readonly [Sliding, Sliding];

interface Attrs {
  readonly sliding: Sliding2d;
}

/** Where there is no bias its name is left out: the tape takes every input for a tensor. */
type Inputs = { x: Tensor4D; filter: Tensor4D } & Partial<{ bias: Tensor1D }> & NamedTensorMap;

const Convolution: Kernel<Inputs, Attrs, [y: Tensor4D]> = defineKernel({
  name: 'Convolution',
  reference: ({ x, filter, bias }, { sliding }) => {
    const size = outputSize(x.shape, filter.shape, sliding);
    const rows = reshape(filter, [-1, filter.shape[3]]) as Tensor2D;
    const y = matMul(patches(x, filter.shape, sliding, size), rows);
    return [reshape(bias === undefined ? y : add(y, bias), [x.shape[0], ...size, filter.shape[3]])];
  },
  inputsToSave: ['x', 'filter'],
  gradient: ([dy], [x, filter], { sliding }) => ({
    x: () => spreadOf(dy as Tensor4D, filter as Tensor4D, (x as Tensor4D).shape, sliding),
    filter: () => filterSlope(x as Tensor4D, dy as Tensor4D, (filter as Tensor4D).shape, sliding),
    bias: () => sum(dy as Tensor4D, [0, 1, 2]),
  }),
});

/** The adjoint in x: each place of dy adds its multiple of the filter to the places that it was read from. */
const ConvolutionGradInput: Kernel<
  { dy: Tensor4D; filter: Tensor4D },
  Attrs & { readonly inputSize: readonly [number, number] },
  [dx: Tensor4D]
> = defineKernel({
  name: 'ConvolutionGradInput',
  reference: ({ dy, filter }, { sliding, inputSize }) => {
    // A convolution of stride 1 of dy, its places set apart by the stride, with the filter turned round.
    const apart = setApart(dy, sliding);
    const [height, width, channels, outputs] = filter.shape;
    const turned = [height, width].map((taps, axis): Sliding => {
      const { dilation, before } = sliding[axis] as Sliding;
      const first = dilation * (taps - 1) - before;
      const last = (inputSize[axis] as number) + before - (apart.shape[axis + 1] as number);
      return { stride: 1, dilation, before: first, after: last };
    });
    const taken = patches(apart, filter.shape, turned as unknown as Sliding2d, inputSize, true);
    const rows = reshape(transpose(filter, [0, 1, 3, 2]), [height * width * outputs, channels]) as Tensor2D;
    return [reshape(matMul(taken, rows), [dy.shape[0], ...inputSize, channels])];
  },
  inputsToSave: ['dy', 'filter'],
  gradient: ([slope], [dy, filter], { sliding }) => ({
    dy: () => convolution(slope as Tensor4D, filter as Tensor4D, sliding),
    filter: () => filterSlope(slope as Tensor4D, dy as Tensor4D, (filter as Tensor4D).shape, sliding),
  }),
});

const ConvolutionGradFilter: Kernel<
  { x: Tensor4D; dy: Tensor4D },
  Attrs & { readonly filterSize: readonly [number, number] },
  [dFilter: Tensor4D]
> = defineKernel({
  name: 'ConvolutionGradFilter',
  reference: ({ x, dy }, { sliding, filterSize }) => {
    const shape = [...filterSize, x.shape[3], dy.shape[3]] as Shape4;
    const taken = patches(x, shape, sliding, [dy.shape[1], dy.shape[2]]);
    return [reshape(matMul(taken, reshape(dy, [-1, dy.shape[3]]) as Tensor2D, true), shape)];
  },
});

type Shape4 = [number, number, number, number];

/**
 * Convolution (cross-correlation, as PyTorch says it) of any stride, dilation and padding, channels last.
 *
 * `y[n, i, j, o] = bias[o] + Σ x[n, i·s + kh·d - before, j·s + kw·d - before, c] · filter[kh, kw, c, o]`, zeros outside of x.
 *
 * - Shapes: x [batch, height, width, in], filter [K, L, in, out], bias [out] → [batch, ⌊(height + before + after - d(K - 1) - 1) / s⌋ + 1, …, out].
 * - Gradient: to all, each computed only when it is asked for.
 *
 * @param bias default none.
 *
 * @throws ShapeError when x and filter do not fit, or the filter is longer than the padded input.
 * @example
 * const sliding = { stride: 2, dilation: 1, before: 0, after: 1 };
 * const y = convolution(tf.ones([8, 28, 28, 3]), tf.ones([3, 3, 3, 16]), [sliding, sliding]); // [8, 14, 14, 16]
 */
export function convolution(x: Tensor4D, filter: Tensor4D, sliding: Sliding2d, bias?: Tensor1D): Tensor4D {
  if (x.rank !== 4 || filter.rank !== 4 || x.shape[3] !== filter.shape[2]) {
    throw new ShapeError(
      'convolution',
      'x',
      'be [batch, height, width, in] and filter [K, L, in, out]',
      phrase(`shapes ${show(x.shape)} and ${show(filter.shape)}`, [x.shape, filter.shape]),
      'Make the last axis of x the third of filter.',
    );
  }
  outputSize(x.shape, filter.shape, sliding);
  return Convolution(bias === undefined ? { x, filter } : { x, filter, bias }, { sliding })[0];
}

/**
 * The transposed convolution, the adjoint of {@link convolution} in x: from its output's shape to `size` of its input.
 *
 * - Shapes: x [batch, rows, columns, in], filter [K, L, out, in] → [batch, ...size, out].
 * - Gradient: to both.
 *
 * @param size height and width of the result, of which a convolution with this filter makes those of x.
 * @throws ShapeError when x, filter and size do not fit.
 * @example
 * const sliding = { stride: 2, dilation: 1, before: 1, after: 1 };
 * const y = transposedConvolution(tf.ones([8, 14, 14, 16]), tf.ones([4, 4, 3, 16]), [28, 28], [sliding, sliding]); // [8, 28, 28, 3]
 */
export function transposedConvolution(
  x: Tensor4D,
  filter: Tensor4D,
  size: readonly [number, number],
  sliding: Sliding2d,
): Tensor4D {
  const [batch, rows, columns, channels] = x.shape;
  const made = outputSize([batch, ...size, filter.shape[2]], filter.shape, sliding);
  if (x.rank !== 4 || filter.rank !== 4 || channels !== filter.shape[3] || made[0] !== rows || made[1] !== columns) {
    throw new ShapeError(
      'transposedConvolution',
      'x',
      `be what a convolution makes of ${show(size)}, [batch, ${made.join(', ')}, ${filter.shape[3]}]`,
      x.shape,
      'Choose another size.',
    );
  }
  return spreadOf(x, filter, [batch, ...size, filter.shape[2]], sliding);
}

function spreadOf(dy: Tensor4D, filter: Tensor4D, [, height, width]: Shape4, sliding: Sliding2d): Tensor4D {
  return ConvolutionGradInput({ dy, filter }, { sliding, inputSize: [height, width] })[0];
}

function filterSlope(x: Tensor4D, dy: Tensor4D, [height, width]: Shape4, sliding: Sliding2d): Tensor4D {
  return ConvolutionGradFilter({ x, dy }, { sliding, filterSize: [height, width] })[0];
}

/**
 * How many places along an axis a convolution makes of `length`.
 *
 * @throws ShapeError when the filter is longer than the padded input.
 */
export function slidingLength(length: number, taps: number, { stride, dilation, before, after }: Sliding): number {
  const reach = dilation * (taps - 1) + 1;
  if (length + before + after < reach) {
    throw new ShapeError(
      'convolution',
      'x',
      `be at least ${reach - before - after} long where the filter reaches over ${reach} places`,
      length,
      'Pass longer inputs, or pad them more.',
    );
  }
  return Math.floor((length + before + after - reach) / stride) + 1;
}

function outputSize(x: Shape4, filter: Shape4, [vertical, horizontal]: Sliding2d): [number, number] {
  return [slidingLength(x[1], filter[0], vertical), slidingLength(x[2], filter[1], horizontal)];
}

/** What the filter sees at each position, as a matrix [batch · rows · columns, taps · channels]; `turned` lists the taps from the last to the first. */
function patches(
  x: Tensor4D,
  [height, width]: Shape4,
  [vertical, horizontal]: Sliding2d,
  [rows, columns]: readonly [number, number],
  turned = false,
): Tensor2D {
  const [batch, , , channels] = x.shape;
  const framed = frame(frame(x, 1, vertical, height, rows), 2, horizontal, width, columns);
  const taps: Tensor[] = [];
  for (let i = 0; i < height; i++) {
    const lines = everyNth(framed, 1, i * vertical.dilation, rows, vertical.stride);
    for (let j = 0; j < width; j++) taps.push(everyNth(lines, 2, j * horizontal.dilation, columns, horizontal.stride));
  }
  const inOrder = turned ? taps.reverse() : taps;
  return reshape(concat(inOrder, 3), [batch * rows * columns, height * width * channels]);
}

/** x with zeros around along one axis, or cut, so that it begins with the first tap and {@link everyNth} can take all. */
function frame(x: Tensor4D, axis: number, sliding: Sliding, taps: number, count: number): Tensor4D {
  const { stride, dilation, before } = sliding;
  const reach = (count - 1) * stride + dilation * (taps - 1) + 1;
  const length = Math.ceil(reach / stride) * stride;
  const [cut, zeros] = [Math.max(-before, 0), Math.max(before, 0)];
  const kept = Math.max(0, Math.min((x.shape[axis] as number) - cut, length - zeros));
  const begin = x.shape.map((_, i) => (i === axis ? cut : 0));
  const size = x.shape.map((whole, i) => (i === axis ? kept : whole));
  const inside = kept === x.shape[axis] ? x : slice(x, begin, size);
  const around = x.shape.map((_, i): [number, number] => (i === axis ? [zeros, length - zeros - kept] : [0, 0]));
  return pad(inside, around) as Tensor4D;
}

/** Places first, first + stride, … along an axis whose length is a multiple of the stride. (stridedSlice has no gradient, and not all engines have it.) */
function everyNth(x: Tensor4D, axis: number, first: number, count: number, stride: number): Tensor4D {
  const { shape } = x;
  const product = (lengths: readonly number[]): number => lengths.reduce((size, length) => size * length, 1);
  const [outer, length, inner] = [product(shape.slice(0, axis)), shape[axis] as number, product(shape.slice(axis + 1))];
  const grouped = reshape(x, [outer, length / stride, stride * inner]);
  const taken = slice(grouped, [0, Math.floor(first / stride), (first % stride) * inner], [outer, count, inner]);
  return reshape(taken, shape.map((whole, i) => (i === axis ? count : whole)) as Shape4);
}

/** Zeros between the places of x, stride - 1 along each axis. */
function setApart(x: Tensor4D, [{ stride: down }, { stride: right }]: Sliding2d): Tensor4D {
  const [batch, rows, columns, channels] = x.shape;
  const wide = pad(reshape(x, [batch * rows, columns, channels]), [
    [0, 0],
    [0, 0],
    [0, (right - 1) * channels],
  ]);
  const line = columns * right * channels;
  const tall = pad(reshape(wide, [batch, rows, line]), [
    [0, 0],
    [0, 0],
    [0, (down - 1) * line],
  ]);
  return reshape(tall, [batch, rows * down, columns * right, channels]);
}
