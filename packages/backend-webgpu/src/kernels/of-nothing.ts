import {
  backend_util,
  broadcast_util,
  type Conv2DAttrs,
  type Conv2DBackpropFilterAttrs,
  type Conv2DBackpropInputAttrs,
  cast,
  dispose,
  type EinsumAttrs,
  fill,
  type KernelConfig,
  type KernelFunc,
  type ResizeNearestNeighborAttrs,
  type SumAttrs,
  type Tensor,
  type TensorInfo,
  tidy,
  util,
  zeros,
} from '@tensorflow/tfjs-core';

/** What tfjs's cpu engine gives for each of these over no elements. */
export const OF_NOTHING: Readonly<Record<string, number>> = {
  Sum: 0,
  Mean: 0,
  Max: Number.NaN,
  Min: Number.NaN,
  Prod: 1,
  All: 0,
  Any: 0,
};

/** A reduction that is right over no elements too, where tfjs throws. */
export function reduceNothing(name: string, { kernelFunc }: KernelConfig): KernelFunc {
  return (call) => {
    const { x } = call.inputs as { x: TensorInfo };
    if (!hasNothing(x)) return kernelFunc(call);
    const { axis, keepDims } = call.attrs as unknown as SumAttrs;
    const axes = util.parseAxisParam(axis, x.shape);
    const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes);
    const shape = keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept;
    return filled(shape, OF_NOTHING[name] as number, x.dtype);
  };
}

/** The same of matrix products, with bias and activation as well: over no terms they are those over one of 0. */
export function multiplyNothing({ kernelFunc }: KernelConfig): KernelFunc {
  return (call) => {
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    if (!hasNothing(a) && !hasNothing(b)) return kernelFunc(call);
    const { transposeA, transposeB } = call.attrs as unknown as { transposeA: boolean; transposeB: boolean };
    const [aOuter, bOuter] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
    const outer = broadcast_util.assertAndGetBroadcastShape(aOuter, bOuter);
    const [rows, columns] = [a.shape.at(transposeA ? -1 : -2), b.shape.at(transposeB ? -2 : -1)] as [number, number];
    if ([...outer, rows, columns].includes(0)) return filled([...outer, rows, columns], 0, 'float32');
    const left = zeros([...aOuter, ...(transposeA ? [1, rows] : [rows, 1])]);
    const right = zeros([...bOuter, ...(transposeB ? [columns, 1] : [1, columns])]);
    const product = kernelFunc({ ...call, inputs: { ...call.inputs, a: left, b: right } });
    dispose([left, right]);
    return product;
  };
}

/** What the results of these are shaped like; over no elements all are 0, or empty. */
export const SHAPE_OF: Readonly<Record<string, (call: Parameters<KernelFunc>[0]) => number[]>> = {
  Conv2D: convShape,
  FusedConv2D: convShape,
  Conv2DBackpropFilter: ({ attrs }) => (attrs as unknown as Conv2DBackpropFilterAttrs).filterShape,
  Conv2DBackpropInput: ({ attrs }) => (attrs as unknown as Conv2DBackpropInputAttrs).inputShape,
  Einsum: ({ inputs, attrs }) => {
    const tensors = Object.values(inputs) as Tensor[];
    const { equation } = attrs as unknown as EinsumAttrs;
    const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, tensors.length);
    backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors);
    const kept = allDims.length - summedDims.length;
    return Array.from({ length: kept }, (_, axis) => {
      const owner = idDims.findIndex((dims) => dims.includes(axis));
      return tensors[owner]?.shape[idDims[owner]?.indexOf(axis) ?? 0] as number;
    });
  },
  ResizeNearestNeighbor: ({ inputs, attrs }) => {
    const [batch, , , channels] = (inputs.images as TensorInfo).shape as [number, number, number, number];
    return [batch, ...(attrs as unknown as ResizeNearestNeighborAttrs).size, channels];
  },
};

function convShape({ inputs, attrs }: Parameters<KernelFunc>[0]): number[] {
  const { x, filter } = inputs as { x: TensorInfo; filter: TensorInfo };
  const { strides, pad, dilations, dataFormat, dimRoundingMode } = attrs as unknown as Conv2DAttrs;
  return backend_util.computeConv2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number, number],
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    backend_util.convertConv2DDataFormat(dataFormat),
  ).outShape;
}

/** A kernel of {@link SHAPE_OF} that is right where an input has no elements, where tfjs throws. */
export function ofNothing(name: string, { kernelFunc }: KernelConfig): KernelFunc {
  return (call) => {
    if (!Object.values(call.inputs).some((input) => input !== undefined && hasNothing(input))) return kernelFunc(call);
    return filled(SHAPE_OF[name]?.(call) ?? [], 0, 'float32');
  };
}

function hasNothing({ shape }: TensorInfo): boolean {
  return shape.includes(0);
}

function filled(shape: number[], value: number, dtype: TensorInfo['dtype']): Tensor {
  return tidy(() => cast(fill(shape, value, dtype === 'float32' ? dtype : 'int32'), dtype));
}
