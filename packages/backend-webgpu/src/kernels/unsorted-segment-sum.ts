import { type KernelFunc, type TensorInfo, type UnsortedSegmentSumAttrs, util } from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';

/** Columns that one thread adds up. */
const COLUMNS = 16;
/** Rows that are added up by themselves first: one long float32 sum would lose digits. */
const SHORT_SUM = 64;

/**
 * Some columns of one segment per thread: it looks at all ids and adds the rows that are its own, in their order, so that the sums have
 * the same bits in every run. (tfjs adds them up in the order in which threads come by.)
 */
export function segmentSumProgram(type: 'f32' | 'i32'): Program {
  return {
    name: 'UnsortedSegmentSum',
    inputs: { x: type, ids: 'i32' },
    outputs: { sums: type },
    params: { count: 'u32', width: 'u32', blocks: 'u32' },
    body: `
let segment = (params.first + row) / params.blocks;
let column = ((params.first + row) % params.blocks) * ${COLUMNS}u;
let columns = min(${COLUMNS}u, params.width - column);
var total = array<${type}, ${COLUMNS}>();
var part = array<${type}, ${COLUMNS}>();
var found = 0u;
for (var n = 0u; n < params.count; n++) {
  if (ids[n] != i32(segment)) { continue; }
  for (var j = 0u; j < columns; j++) {
    part[j] += x[n * params.width + column + j];
  }
  found++;
  if (found % ${SHORT_SUM}u == 0u) {
    for (var j = 0u; j < columns; j++) {
      total[j] += part[j];
      part[j] = ${type}();
    }
  }
}
for (var j = 0u; j < columns; j++) {
  sums[segment * params.width + column + j] = total[j] + part[j];
}`,
  };
}

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
  const blocks = Math.ceil(width / COLUMNS);
  const operands = { x: { tensor: x }, ids: { tensor: segmentIds }, sums: { tensor: sums } };
  const program = segmentSumProgram(x.dtype === 'float32' ? 'f32' : 'i32');
  run(backend, program, numSegments * blocks, operands, { count, width, blocks });
  return sums;
};
