import {
  type BatchMatMulAttrs,
  backend_util,
  type KernelConfig,
  type KernelFunc,
  type MaxAttrs,
  type SumAttrs,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, release, run } from '../program.ts';
import { IS_NAN } from '../wgsl.ts';
import { transposed } from './move.ts';

/*
 * tfjs's matrix products and reductions are made for large tensors: a workgroup shares memory and waits for its slowest thread. Small
 * ones, of which a quantizer has many, are done sooner by one thread per element.
 */

/** Multiplications of a matrix product, and terms of a reduction, up to which it counts as small. */
const SMALL_PRODUCT = 2 ** 20;
const SMALL_REDUCTION = 256;

/** One element per thread. */
export const MAT_MUL: Program = {
  name: 'BatchMatMul',
  inputs: { a: 'f32', b: 'f32' },
  outputs: { c: 'f32' },
  params: {
    columns: 'u32',
    size: 'u32',
    inner: 'u32',
    aBatch: 'u32',
    aRow: 'u32',
    aInner: 'u32',
    bBatch: 'u32',
    bColumn: 'u32',
    bInner: 'u32',
  },
  body: `
let flat = params.first + row;
let batch = flat / params.size;
let place = flat % params.size;
let left = batch * params.aBatch + (place / params.columns) * params.aRow;
let right = batch * params.bBatch + (place % params.columns) * params.bColumn;
var total = 0.0;
for (var start = 0u; start < params.inner; start += 32u) {
  var part = 0.0;
  for (var i = start; i < min(start + 32u, params.inner); i++) {
    part += a[left + i * params.aInner] * b[right + i * params.bInner];
  }
  total += part;
}
c[row] = total;`,
};

export function batchMatMul(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const backend = call.backend as DeviceBackend;
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    const { transposeA, transposeB } = call.attrs as unknown as BatchMatMulAttrs;
    const [aBatches, bBatches] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
    const [aCount, bCount] = [util.sizeFromShape(aBatches), util.sizeFromShape(bBatches)];
    const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
    const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
    const [rows, inner] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const columns = transposeB ? bRows : bColumns;
    const count = Math.max(aCount, bCount);
    const floats = a.dtype === 'float32' && b.dtype === 'float32';
    const simple = aCount === 1 || bCount === 1 || util.arraysEqual(aBatches, bBatches);
    const work = count * rows * columns * inner;
    if (!floats || !simple || work === 0 || work > SMALL_PRODUCT) return tfjs.kernelFunc(call);
    const c = output(
      backend,
      [...backend_util.assertAndGetBroadcastShape(aBatches, bBatches), rows, columns],
      'float32',
    );
    const [aRow, aInner] = transposeA ? [1, aColumns] : [aColumns, 1];
    const [bColumn, bInner] = transposeB ? [bColumns, 1] : [1, bColumns];
    const steps = { aRow, aInner, bColumn, bInner };
    const batches = { aBatch: aCount === 1 ? 0 : rows * inner, bBatch: bCount === 1 ? 0 : inner * columns };
    const operands = { a: { tensor: a }, b: { tensor: b }, c: { tensor: c, perRow: 1 } };
    const params = { columns, size: rows * columns, inner, ...steps, ...batches };
    run(backend, MAT_MUL, count * rows * columns, operands, params);
    return c;
  };
}

/** tfjs's max and min show a NaN of what they reduce. */
function keepNaN(better: string): string {
  return `if (isNaN(bitcast<u32>(value)) || (!isNaN(bitcast<u32>(result)) && ${better})) { result = value; }`;
}

/** What a reduction of tfjs is, as WGSL: its first value, the next one with `value`, and what comes out. */
export const REDUCTIONS: Readonly<Record<string, { first: string; next: string; last: string }>> = {
  Sum: { first: '0.0', next: 'result += value;', last: 'result' },
  Mean: { first: '0.0', next: 'result += value;', last: 'result / f32(params.terms)' },
  Max: { first: 'x[start]', next: keepNaN('value > result'), last: 'result' },
  Min: { first: 'x[start]', next: keepNaN('value < result'), last: 'result' },
};

/** One result per thread, over a run of elements. */
export function reduceProgram(name: string): Program {
  const { first, next, last } = REDUCTIONS[name] as { first: string; next: string; last: string };
  return {
    name,
    inputs: { x: 'f32' },
    outputs: { y: 'f32' },
    params: { terms: 'u32' },
    declarations: next.includes('isNaN') ? IS_NAN : '',
    body: `
let start = row * params.terms;
var result = ${first};
for (var i = 0u; i < params.terms; i++) {
  let value = x[start + i];
  ${next}
}
y[row] = ${last};`,
  };
}

export function reduction(name: string, tfjs: KernelConfig): KernelFunc {
  const program = reduceProgram(name);
  return (call) => {
    const backend = call.backend as DeviceBackend;
    const { x } = call.inputs as { x: TensorInfo };
    // Max calls its axes by another name.
    const { axis, reductionIndices, keepDims } = call.attrs as unknown as SumAttrs & Partial<MaxAttrs>;
    const axes = util.parseAxisParam(reductionIndices ?? axis, x.shape);
    const kept = [...x.shape.keys()].filter((i) => !axes.includes(i));
    const [outShape, reduced] = [kept, axes].map((list) => list.map((i) => x.shape[i] as number)) as [
      number[],
      number[],
    ];
    const [rows, terms] = [util.sizeFromShape(outShape), util.sizeFromShape(reduced)];
    if (x.dtype !== 'float32' || terms === 0 || terms > SMALL_REDUCTION) return tfjs.kernelFunc(call);
    const innermost = axes.every((place, i) => place === kept.length + i);
    const lines = innermost ? x : transposed(backend, x, [...kept, ...axes]);
    const shape = keepDims === true ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size)) : outShape;
    const y = output(backend, shape, 'float32');
    run(backend, program, rows, { x: { tensor: lines, perRow: terms }, y: { tensor: y, perRow: 1 } }, { terms });
    if (lines !== x) release(backend, lines);
    return y;
  };
}
