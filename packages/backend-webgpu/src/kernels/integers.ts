import {
  backend_util,
  type KernelConfig,
  type KernelFunc,
  type SumAttrs,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, release, run } from '../program.ts';
import { broadcastWalk, walkParams, walkValues, walkWgsl } from '../strides.ts';
import { transposed } from './move.ts';

/*
 * tfjs computes integers in float32, which is wrong from 2^24 on: indices go up to 2^31 - 1. These kernels take over where all inputs
 * are integers and leave the rest to tfjs.
 */

/** What a binary operation of tfjs is for integers a and b, as WGSL, and the type of its result. */
export const BINARY: Readonly<Record<string, { wgsl: string; dtype: 'int32' | 'bool' }>> = {
  Add: { wgsl: 'a + b', dtype: 'int32' },
  Sub: { wgsl: 'a - b', dtype: 'int32' },
  Multiply: { wgsl: 'a * b', dtype: 'int32' },
  // WGSL rounds towards 0.
  FloorDiv: { wgsl: 'a / b - select(0, 1, a % b != 0 && (a < 0) != (b < 0))', dtype: 'int32' },
  Mod: { wgsl: 'select(a % b, a % b + b, a % b != 0 && (a < 0) != (b < 0))', dtype: 'int32' },
  Maximum: { wgsl: 'max(a, b)', dtype: 'int32' },
  Minimum: { wgsl: 'min(a, b)', dtype: 'int32' },
  Equal: { wgsl: 'select(0, 1, a == b)', dtype: 'bool' },
  NotEqual: { wgsl: 'select(0, 1, a != b)', dtype: 'bool' },
  Greater: { wgsl: 'select(0, 1, a > b)', dtype: 'bool' },
  GreaterEqual: { wgsl: 'select(0, 1, a >= b)', dtype: 'bool' },
  Less: { wgsl: 'select(0, 1, a < b)', dtype: 'bool' },
  LessEqual: { wgsl: 'select(0, 1, a <= b)', dtype: 'bool' },
  BitwiseAnd: { wgsl: 'a & b', dtype: 'int32' },
};

/** One element per thread. */
export function binaryProgram(name: string, rank: number): Program {
  return {
    name,
    inputs: { x: 'i32', y: 'i32' },
    outputs: { z: 'i32' },
    params: walkParams(rank, ['x', 'y']),
    body: `
${walkWgsl(rank, ['x', 'y'])}
let a = x[xAt];
let b = y[yAt];
z[row] = ${BINARY[name]?.wgsl};`,
  };
}

/** @param tfjs what computes floats; without it the operation is one of integers only. */
export function integerBinary(name: string, tfjs: KernelConfig | undefined): KernelFunc {
  return (call) => {
    const backend = call.backend as DeviceBackend;
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    if (tfjs !== undefined && (a.dtype !== 'int32' || b.dtype !== 'int32')) return tfjs.kernelFunc(call);
    const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const z = output(backend, shape, BINARY[name]?.dtype ?? 'int32');
    const operands = { x: { tensor: a }, y: { tensor: b }, z: { tensor: z, perRow: 1 } };
    const values = walkValues(shape, { x: broadcastWalk(a.shape, shape), y: broadcastWalk(b.shape, shape) });
    run(backend, binaryProgram(name, shape.length), util.sizeFromShape(shape), operands, values);
    return z;
  };
}

/** One sum per thread, over a run of elements. */
export const SUM_ROWS: Program = {
  name: 'Sum',
  inputs: { x: 'i32' },
  outputs: { sums: 'i32' },
  params: { terms: 'u32' },
  body: `
var total = 0;
for (var i = 0u; i < params.terms; i++) {
  total += x[row * params.terms + i];
}
sums[row] = total;`,
};

export function integerSum(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const backend = call.backend as DeviceBackend;
    const { x } = call.inputs as { x: TensorInfo };
    const { axis, keepDims } = call.attrs as unknown as SumAttrs;
    if (x.dtype === 'float32' || x.dtype === 'complex64') return tfjs.kernelFunc(call);
    const axes = util.parseAxisParam(axis, x.shape);
    const kept = [...x.shape.keys()].filter((i) => !axes.includes(i));
    const [outShape, reduced] = [kept, axes].map((list) => list.map((i) => x.shape[i] as number)) as [
      number[],
      number[],
    ];
    const innermost = axes.every((place, i) => place === kept.length + i);
    const lines = innermost ? x : transposed(backend, x, [...kept, ...axes]);
    const shape = keepDims === true ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size)) : outShape;
    const sums = output(backend, shape, 'int32');
    const [rows, terms] = [util.sizeFromShape(outShape), util.sizeFromShape(reduced)];
    const operands = { x: { tensor: lines, perRow: terms }, sums: { tensor: sums, perRow: 1 } };
    run(backend, SUM_ROWS, rows, operands, { terms });
    if (lines !== x) release(backend, lines);
    return sums;
  };
}
