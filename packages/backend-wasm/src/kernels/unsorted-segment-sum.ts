import { type KernelFunc, type TensorInfo, type UnsortedSegmentSumAttrs, util } from '@tensorflow/tfjs-core';
import { type Engine, engineOf } from '../engine.ts';

/** Each share of the segments goes through all ids: more of them for threads to take, but not for small sums. */
const SHARES = 8;
const LARGE = 64 * 1024;

/**
 * out[s, :] = Σ over the rows r with segmentIds[r] = s of x[r, :]; the gradient of gather. Ids outside [0, numSegments) add nowhere.
 *
 * x [rows…, inner…], segmentIds int32 [rows…] → [numSegments, inner…].
 */
export const unsortedSegmentSum: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const { numSegments } = attrs as unknown as UnsortedSegmentSumAttrs;
  const inner = x.shape.slice(segmentIds.shape.length);
  const rows = util.sizeFromShape(segmentIds.shape);
  const width = util.sizeFromShape(inner);
  const out = engine.output([numSegments, ...inner], x.dtype);
  if (x.dtype !== 'float32') {
    sumIntegers(engine, x, segmentIds, out, width);
    return out;
  }
  const shares = rows * width < LARGE ? 1 : Math.min(SHARES, numSegments);
  const pointers = [x, segmentIds, out].map((tensor) => engine.address(tensor));
  engine.run('segmentSum', shares, ...pointers, rows, width, numSegments, shares);
  return out;
};

function sumIntegers(engine: Engine, x: TensorInfo, segmentIds: TensorInfo, out: TensorInfo, width: number): void {
  const [sums, values, ids] = [engine.view(out), engine.view(x), engine.view(segmentIds)];
  const [numSegments = 0] = out.shape;
  sums.fill(0);
  for (const [row, segment] of ids.entries()) {
    if (segment < 0 || segment >= numSegments) continue;
    for (let i = 0; i < width; i++) {
      sums[segment * width + i] = (sums[segment * width + i] as number) + (values[row * width + i] as number);
    }
  }
}
