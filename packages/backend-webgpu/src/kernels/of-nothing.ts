import {
  backend_util,
  broadcast_util,
  cast,
  fill,
  type KernelConfig,
  type KernelFunc,
  type SumAttrs,
  type Tensor,
  type TensorInfo,
  tidy,
  util,
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
    if (!x.shape.includes(0)) return kernelFunc(call);
    const { axis, keepDims } = call.attrs as unknown as SumAttrs;
    const axes = util.parseAxisParam(axis, x.shape);
    const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes);
    const shape = keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept;
    return filled(shape, OF_NOTHING[name] as number, x.dtype);
  };
}

/** The same of matrix products. */
export function multiplyNothing({ kernelFunc }: KernelConfig): KernelFunc {
  return (call) => {
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    if (!a.shape.includes(0) && !b.shape.includes(0)) return kernelFunc(call);
    const { transposeA, transposeB } = call.attrs as unknown as { transposeA: boolean; transposeB: boolean };
    const outer = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const [rows, columns] = [a.shape.at(transposeA ? -1 : -2), b.shape.at(transposeB ? -2 : -1)] as [number, number];
    return filled([...outer, rows, columns], 0, 'float32');
  };
}

function filled(shape: number[], value: number, dtype: TensorInfo['dtype']): Tensor {
  return tidy(() => cast(fill(shape, value, dtype === 'float32' ? dtype : 'int32'), dtype));
}
