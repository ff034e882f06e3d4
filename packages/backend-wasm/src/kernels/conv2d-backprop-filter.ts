import { backend_util, type Conv2DBackpropFilterAttrs, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';
import { requireChannelsLast } from '../shapes.ts';

/** Up to this many output channels the lanes run along the input instead. */
const FEW_OUTPUTS = 4;
/** Partial results: enough for any number of threads to share evenly, and never large. */
const GROUPS = 16;
const PARTIAL_BYTES = 16 * 1024 * 1024;

/** dW[kh, kw, i, o] = Σ over images and output positions of x[n, y·s + kh - p, x·s + kw - p, i] · dy[n, y, x, o]. */
export const conv2DBackpropFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs as unknown as Conv2DBackpropFilterAttrs;
  requireChannelsLast('conv2DBackpropFilter', dataFormat);
  const inputShape = x.shape as [number, number, number, number];
  const info = backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode);
  const { batchSize, inChannels, outChannels, filterHeight, filterWidth, outHeight, outWidth } = info;
  const { top, left } = info.padInfo;
  const out = engine.output(filterShape, 'float32');
  const runLength = filterWidth * inChannels;
  const frameHeight = (outHeight - 1) * info.strideHeight + filterHeight;
  const frameWidth = (outWidth - 1) * info.strideWidth + filterWidth;
  // Runs are read in whole vectors: only a frame has room for what that reads too much.
  const inPlace =
    top === 0 && left === 0 && runLength % 4 === 0 && frameHeight <= info.inHeight && frameWidth <= info.inWidth;
  const frameBytes = inPlace ? 0 : 4 * frameHeight * frameWidth * inChannels + 16;

  const few = outChannels <= FEW_OUTPUTS;
  const size = filterHeight * (few ? Math.ceil(runLength / 4) * 4 : runLength) * outChannels;
  const groups = Math.max(1, Math.min(batchSize, GROUPS, Math.floor(PARTIAL_BYTES / (4 * size))));
  const geometry = [
    batchSize,
    info.inHeight,
    info.inWidth,
    inChannels,
    frameHeight,
    inPlace ? info.inWidth : frameWidth,
    top,
    left,
    outHeight,
    outWidth,
    outChannels,
    info.strideHeight,
    info.strideWidth,
    filterHeight,
    runLength,
    groups,
  ];
  const wideBytes = few || outChannels % 8 === 0 ? 0 : 4 * outHeight * outWidth * Math.ceil(outChannels / 8) * 8;
  const [images, slopes, result] = [engine.address(x), engine.address(dy), engine.address(out)];
  engine.scratch(4 * groups * size + engine.threads * (frameBytes + wideBytes), (partials) => {
    const frames = partials + 4 * groups * size;
    const frame = inPlace ? 0 : frames;
    if (few) {
      engine.run('convFilterImagesFewOutputs', groups, images, slopes, partials, frame, frameBytes, ...geometry);
      engine.call('addPartialsFewOutputs', partials, result, groups, outChannels, filterHeight, runLength);
      return;
    }
    const wide = wideBytes === 0 ? 0 : frames + engine.threads * frameBytes;
    const blocks = Math.ceil(GROUPS / groups);
    engine.run(
      'convFilterImages',
      groups * blocks,
      images,
      slopes,
      partials,
      frame,
      frameBytes,
      wide,
      wideBytes,
      ...geometry,
      blocks,
    );
    engine.call('addPartials', partials, result, groups, size);
  });
  return out;
};
