import type { KernelFunc, TensorInfo, UnsortedSegmentSumAttrs } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/**
 * out[s, :] = Σ over the rows r with segmentIds[r] = s of x[r, :]; the gradient of gather. Negative ids add nowhere.
 *
 * x [rows…, inner…], segmentIds int32 [rows…] → [numSegments, inner…].
 */
export const unsortedSegmentSum: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
  const { numSegments } = attrs as unknown as UnsortedSegmentSumAttrs;
  const inner = x.shape.slice(segmentIds.shape.length);
  const width = inner.reduce((product, size) => product * size, 1);
  const out = engine.output([numSegments, ...inner], x.dtype);
  const [sums, values, ids] = [engine.view(out), engine.view(x), engine.view(segmentIds)];
  sums.fill(0);
  for (let row = 0; row < ids.length; row++) {
    const segment = ids[row] as number;
    if (segment < 0 || segment >= numSegments) continue;
    for (let i = 0; i < width; i++) {
      sums[segment * width + i] = (sums[segment * width + i] as number) + (values[row * width + i] as number);
    }
  }
  return out;
};
