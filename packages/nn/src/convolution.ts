import { reshape, type Tensor1D, type Tensor4D, transpose } from '@tensorflow/tfjs-core';
import {
  type ParameterLayout,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireOption,
} from '@vqkit/core-tensor';
import type { Reach } from './description.ts';
import { convSame } from './kernels/conv-same.ts';
import { convolution, type Sliding, slidingLength, transposedConvolution } from './kernels/convolution.ts';
import { addPerChannel } from './kernels/per-channel.ts';
import { createModule, type Module, requireChannels } from './module.ts';
import type { Scope } from './scope.ts';
import { weightNormed } from './weight-norm.ts';

/** What the convolutions along one and two axes share. Height and width have the same of each. */
export interface ConvolutionOptions {
  /** Channels of the input. */
  readonly inputs: number;
  /** Channels of the result. */
  readonly outputs: number;
  /** Taps of the filter along each axis. */
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number | undefined;
  /** Places from one tap to the next. Default 1. */
  readonly dilation?: number | undefined;
  /**
   * Zeros around: a number on both sides, or [before, after]; 'same', so many that the length stays, of an odd number the larger half
   * after, as in PyTorch; 'causal', so many before that no result sees a later input. Default 'same', which needs stride 1, and 0 in a
   * transposed convolution, which cuts so many off.
   */
  readonly padding?: number | readonly [before: number, after: number] | 'same' | 'causal' | undefined;
  /** Default true. */
  readonly bias?: boolean | undefined;
  /** Learns direction and length of each filter apart, as torch.nn.utils.weight_norm: `weight_v`, `weight_g`. Default false. */
  readonly weightNorm?: boolean | undefined;
}

/** One number for height and width, or one for each. */
export type PerAxis = number | readonly [height: number, width: number];

/** The same along two axes, which may differ. */
export interface PlaneOptions extends Omit<ConvolutionOptions, 'kernel' | 'stride' | 'dilation' | 'padding'> {
  /** Taps of the filter. */
  readonly kernel: PerAxis;
  /** Default 1. */
  readonly stride?: PerAxis | undefined;
  /** Places from one tap to the next. Default 1. */
  readonly dilation?: PerAxis | undefined;
  /** As along one axis, of both; or [before, after] of the height and [before, after] of the width. */
  readonly padding?: ConvolutionOptions['padding'] | readonly [Zeros, Zeros];
}

type Zeros = readonly [before: number, after: number];

/** Which convolution it is. */
interface Kind {
  readonly where: string;
  readonly operation: string;
  /** Axes that the filter slides along. */
  readonly axes: 1 | 2;
  readonly transposed?: boolean;
  /** 2: of the input with every place repeated. */
  readonly upsample?: 1 | 2;
  /** Of a transposed convolution: places more at the end. */
  readonly outputPadding?: number;
}

const KEYS = ['inputs', 'outputs', 'kernel', 'stride', 'dilation', 'padding', 'bias', 'weightNorm'];

/** The convolutions of this package, which differ in what they are called and how their data lie. Weights start as PyTorch's do. */
export function createConvolution(scope: Scope, options: PlaneOptions, kind: Kind): Module {
  const { where, operation, axes, transposed = false, upsample = 1, outputPadding = 0 } = kind;
  requireKnownOptions(where, options, KEYS);
  const { inputs, outputs, kernel, stride = 1, dilation = 1, bias: hasBias = true, weightNorm = false } = options;
  for (const [name, value] of Object.entries({ inputs, outputs })) requireInteger(where, name, value, 1);
  const sides = axes === 1 ? [0] : [0, 1];
  const each = (name: string, value: PerAxis): number[] => sides.map((axis) => requireSide(where, name, value, axis));
  const [kernels, strides, dilations] = [each('kernel', kernel), each('stride', stride), each('dilation', dilation)];
  requireBoolean(where, 'bias', hasBias);
  requireBoolean(where, 'weightNorm', weightNorm);
  const padding = options.padding ?? (transposed ? 0 : 'same');
  const isPlain = kernels[0] === kernels.at(-1) && dilations.every((places) => places === 1);
  const isSame = padding === 'same' && !transposed && isPlain;
  const along = sides.map((axis): Sliding => {
    const [kernel, stride, dilation] = [kernels[axis], strides[axis], dilations[axis]] as [number, number, number];
    return slidingOf(where, { kernel, stride, dilation, padding: paddingAlong(padding, axis) }, transposed);
  });
  const alone: Sliding = { stride: 1, dilation: 1, before: 0, after: 0 };
  const slidings = [axes === 1 ? alone : along[0], along.at(-1)] as [Sliding, Sliding];

  const [height, width] = [axes === 1 ? 1 : (kernels[0] as number), kernels.at(-1) as number];
  const taps = height * width;
  const [from, to] = transposed ? [outputs, inputs] : [inputs, outputs];
  const heldShape = [height, width, from, to];
  // As PyTorch counts it: of a transposed convolution the channels of its result.
  const bound = 1 / Math.sqrt(from * taps);
  const layout = filterLayout(axes);
  const filter = weightNorm
    ? weightNormed(scope, heldShape, bound, layout)
    : heldFilter(scope, heldShape, bound, layout);
  const bias = hasBias ? scope.uniform('bias', [outputs], bound) : undefined;

  const lengthOf = (length: number, axis: number): number => {
    const [taps, sliding] = [kernels[axis] as number, along[axis] as Sliding];
    if (!transposed) return slidingLength(upsample * length, taps, sliding);
    const { stride, dilation, before, after } = sliding;
    return (length - 1) * stride + reachOf(taps, dilation) - before - after + outputPadding;
  };
  const sizeOf = (shape: readonly number[]): number[] => {
    requireChannels(where, shape, axes, inputs);
    const [batch = 0, ...between] = shape;
    return [batch, ...between.slice(0, axes).map(lengthOf), outputs];
  };
  const run = (x: Tensor4D, weight: Tensor4D): Tensor4D => {
    const own = bias as unknown as Tensor1D | undefined;
    if (isSame && own !== undefined) return convSame(x, weight, own, { upsample });
    if (!transposed) return convolution(x, weight, slidings, own);
    const [, rows, columns] = x.shape;
    const size = [axes === 1 ? 1 : lengthOf(rows, 0), lengthOf(columns, axes - 1)] as const;
    const y = transposedConvolution(x, weight, size, slidings);
    return own === undefined ? y : (addPerChannel(y, own) as Tensor4D);
  };
  return createModule(where, scope, {
    apply(x) {
      const shape = sizeOf(x.shape);
      const [batch = 0, length = 0] = x.shape;
      const images = axes === 1 ? reshape(x, [batch, 1, length, inputs]) : x;
      return reshape(run(images as Tensor4D, filter()), shape);
    },
    trace(outline, x) {
      const shape = sizeOf(x.shape);
      const positions = (transposed ? x.shape : shape).slice(0, -1).reduce((product, size) => product * size, 1);
      const own = { kernel: kernels, stride: strides, dilation: dilations };
      const zeros = along.map(({ before, after }) => [before, after] as const);
      const areEqual = zeros.every(([before, after]) => before === zeros[0]?.[0] && after === zeros[0][1]);
      return outline.layer({
        name: scope.path,
        operation,
        attributes: {
          inputs,
          outputs,
          ...own,
          padding: areEqual ? (zeros[0] as Zeros) : zeros.flat(),
          bias: hasBias,
          ...(transposed && { outputPadding }),
          ...(upsample > 1 && { upsample }),
          ...(weightNorm && { weightNorm }),
        },
        inputs: [x],
        shape,
        parameters: taps * inputs * outputs + (hasBias ? outputs : 0) + (weightNorm ? to : 0),
        flops: 2 * positions * taps * inputs * outputs,
        reach: along.map((sliding, axis) => reachAlong(kernels[axis] as number, { ...sliding, upsample, transposed })),
      });
    },
  });
}

function heldFilter(scope: Scope, shape: readonly number[], bound: number, layout: ParameterLayout): () => Tensor4D {
  const weight = scope.uniform('weight', shape, bound, layout);
  return () => weight as unknown as Tensor4D;
}

/** Held as [height, width, in, out]; PyTorch has [out, in, height, width], without height along one axis. */
function filterLayout(axes: 1 | 2): ParameterLayout {
  return {
    toTorch(held) {
      const turned = transpose(held, [3, 2, 0, 1]);
      const [out = 0, from = 0, , width = 0] = turned.shape;
      return axes === 2 ? turned : reshape(turned, [out, from, width]);
    },
    fromTorch(loaded) {
      const [out = 0, from = 0, width = 0] = loaded.shape;
      return transpose(axes === 2 ? loaded : reshape(loaded, [out, from, 1, width]), [2, 3, 1, 0]);
    },
  };
}

function reachOf(kernel: number, dilation: number): number {
  return dilation * (kernel - 1) + 1;
}

function slidingOf(
  where: string,
  {
    kernel,
    stride,
    dilation,
    padding,
  }: Required<Pick<ConvolutionOptions, 'kernel' | 'stride' | 'dilation'>> & {
    padding: NonNullable<ConvolutionOptions['padding']>;
  },
  transposed: boolean,
): Sliding {
  const reach = reachOf(kernel, dilation);
  const rule = transposed
    ? "an integer >= 0, [before, after] or 'causal'"
    : "an integer >= 0, [before, after], 'same' or 'causal'";
  if (padding === 'causal') {
    // Of a transposed convolution the end is cut, of a plain one zeros come first.
    const beyond = Math.max(0, reach - stride);
    return { stride, dilation, before: transposed ? 0 : beyond, after: transposed ? beyond : 0 };
  }
  if (padding === 'same') {
    requireOption(!transposed, where, 'padding', rule, padding, 'Pass the zeros to cut off.');
    requireOption(stride === 1, where, 'padding', 'a number where stride is not 1', padding, 'Pass for example 1.');
    const before = Math.floor((reach - 1) / 2);
    return { stride, dilation, before, after: reach - 1 - before };
  }
  const [before, after] = typeof padding === 'number' ? [padding, padding] : padding;
  for (const zeros of [before, after]) {
    requireOption(Number.isInteger(zeros) && zeros >= 0, where, 'padding', rule, padding, 'Pass for example 1.');
  }
  return { stride, dilation, before, after };
}

/** How many places of its input one place of the result reads, and how many it is further than the one before. */
function reachAlong(
  kernel: number,
  {
    stride,
    dilation,
    upsample,
    transposed,
  }: { stride: number; dilation: number; upsample: number; transposed: boolean },
): Reach {
  const reach = reachOf(kernel, dilation);
  if (transposed) return { taps: Math.ceil(reach / stride), stride: 1 / stride };
  return { taps: Math.ceil((reach - 1) / upsample) + 1, stride: stride / upsample };
}

function requireSide(where: string, name: string, value: PerAxis, axis: number): number {
  const [own, called] = Array.isArray(value) ? [value[axis], `${name}[${axis}]`] : [value, name];
  requireInteger(where, called, own as number, 1);
  return own as number;
}

function paddingAlong(
  padding: NonNullable<PlaneOptions['padding']>,
  axis: number,
): NonNullable<ConvolutionOptions['padding']> {
  return isPerAxis(padding) ? padding[axis === 0 ? 0 : 1] : padding;
}

function isPerAxis(padding: NonNullable<PlaneOptions['padding']>): padding is readonly [Zeros, Zeros] {
  return Array.isArray(padding) && Array.isArray(padding[0]);
}
