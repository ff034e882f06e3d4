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
 * ones, of which a quantizer has many, are done sooner by one thread per element; and long sums with few results, such as losses, by many
 * workgroups.
 */

/** Multiplications of a matrix product, and terms of a reduction, up to which it counts as small. */
const SMALL_PRODUCT = 2 ** 20;
const SMALL_REDUCTION = 256;
/** Terms from which on a sum is long, and results up to which they are few: tfjs has one workgroup for each. */
const LONG_REDUCTION = 4096;
const FEW_RESULTS = 1024;
const LONG_SUMS: Readonly<Record<string, true>> = { Sum: true, Mean: true };
/** Terms of a sum that one thread adds up. */
const SHORT_SUM = 64;

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
  Mean: { first: '0.0', next: 'result += value;', last: 'result / f32(params.all)' },
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
    params: { terms: 'u32', all: 'u32' },
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

/** One short sum of one line per thread, of elements that stand as far apart as there are such sums. */
export const SHORT_SUMS: Program = {
  name: 'ShortSums',
  inputs: { x: 'f32' },
  outputs: { sums: 'f32' },
  params: { terms: 'u32', parts: 'u32' },
  body: `
let flat = params.first + row;
let line = flat / params.parts;
var total = 0.0;
for (var i = flat % params.parts; i < params.terms; i += params.parts) {
  total += x[line * params.terms + i];
}
sums[row] = total;`,
};

/** [rows, terms] → [rows, a few], of sums of sums: one long float32 sum would lose digits, and leave the device idle. */
function shortSums(backend: DeviceBackend, x: TensorInfo, rows: number, terms: number): TensorInfo {
  let [lines, left] = [x, terms];
  while (left > SMALL_REDUCTION) {
    const parts = Math.ceil(left / SHORT_SUM);
    const sums = output(backend, [rows, parts], 'float32');
    const operands = { x: { tensor: lines }, sums: { tensor: sums, perRow: 1 } };
    run(backend, SHORT_SUMS, rows * parts, operands, { terms: left, parts });
    if (lines !== x) release(backend, lines);
    [lines, left] = [sums, parts];
  }
  return lines;
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
    const small = terms > 0 && terms <= SMALL_REDUCTION;
    const long = name in LONG_SUMS && terms >= LONG_REDUCTION && rows < FEW_RESULTS;
    if (x.dtype !== 'float32' || !(small || long)) return tfjs.kernelFunc(call);
    const innermost = axes.every((place, i) => place === kept.length + i);
    const lines = innermost ? x : transposed(backend, x, [...kept, ...axes]);
    const shape = keepDims === true ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size)) : outShape;
    const sums = long ? shortSums(backend, lines, rows, terms) : lines;
    const y = output(backend, shape, 'float32');
    const left = long ? (sums.shape[1] as number) : terms;
    const operands = { x: { tensor: sums, perRow: left }, y: { tensor: y, perRow: 1 } };
    run(backend, program, rows, operands, { terms: left, all: terms });
    release(backend, ...new Set([lines, sums].filter((tensor) => tensor !== x)));
    return y;
  };
}
