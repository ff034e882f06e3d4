import { type KernelFunc, type TensorInfo, type UnsortedSegmentSumAttrs, util } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/** Rows that are added up by themselves first: one long float32 sum would lose digits. */
const SHORT_SUM = 64;

type SumType = 'f32' | 'i32' | 'vec4<f32>' | 'vec4<i32>';

/**
 * One column of one segment per thread, or four where rows are made of fours: it looks at all ids and adds the rows that are its own, in
 * their order, so that the sums have the same bits in every run. (tfjs adds them up in the order in which threads come by.)
 */
export function segmentSumProgram(type: SumType): Program {
  return {
    name: 'UnsortedSegmentSum',
    inputs: { x: type, ids: 'i32' },
    outputs: { sums: type },
    params: { count: 'u32', width: 'u32' },
    body: `
let segment = i32((params.first + row) / params.width);
let column = (params.first + row) % params.width;
var total = ${type}();
var part = ${type}();
var found = 0u;
for (var n = 0u; n < params.count; n++) {
  if (ids[n] != segment) { continue; }
  part += x[n * params.width + column];
  found++;
  if (found % ${SHORT_SUM}u == 0u) {
    total += part;
    part = ${type}();
  }
}
sums[params.first + row] = total + part;`,
  };
}

const PROGRAMS = {
  float32: { one: segmentSumProgram('f32'), four: segmentSumProgram('vec4<f32>') },
  int32: { one: segmentSumProgram('i32'), four: segmentSumProgram('vec4<i32>') },
} as const;

export const unsortedSegmentSum: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { x, segmentIds } = call.inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const { numSegments } = call.attrs as unknown as UnsortedSegmentSumAttrs;
  const inner = x.shape.slice(segmentIds.shape.length);
  const [count, width] = [util.sizeFromShape(segmentIds.shape), util.sizeFromShape(inner)];
  const shape = [numSegments, ...inner];
  if (count === 0) {
    const none = util.makeZerosTypedArray(numSegments * width, x.dtype as 'float32');
    return backend.makeTensorInfo(shape, x.dtype, none);
  }
  const sums = output(backend, shape, x.dtype);
  const columns = width % 4 === 0 ? 4 : 1;
  const program = PROGRAMS[x.dtype === 'float32' ? 'float32' : 'int32'][columns === 4 ? 'four' : 'one'];
  const operands = { x: { tensor: x }, ids: { tensor: segmentIds }, sums: { tensor: sums } };
  const each = width / columns;
  run(backend, program, numSegments * each, operands, { count, width: each });
  return sums;
};
