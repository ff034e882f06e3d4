import { backend_util, type KernelFunc, type MaxPoolAttrs, type TensorInfo } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';
import type { ConvInfo } from '../shapes.ts';

type Shape4D = [number, number, number, number];

/** Maximum of each window, channels last; NaN wins. */
export const maxPool: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as MaxPoolAttrs;
  const info = backend_util.computePool2DInfo(x.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
  const out = engine.output(info.outShape, 'float32');
  engine.run('maxPoolImages', info.batchSize, engine.address(x), engine.address(out), ...windows(info));
  return out;
};

/** dx: each dy goes to the first element of its window that equals the maximum. */
export const maxPoolGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, input } = inputs as { dy: TensorInfo; input: TensorInfo };
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as MaxPoolAttrs;
  const info = backend_util.computePool2DInfo(input.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
  const dx = engine.output(input.shape, 'float32');
  engine.run(
    'maxPoolGradImages',
    info.batchSize,
    engine.address(input),
    engine.address(dy),
    engine.address(dx),
    ...windows(info),
  );
  return dx;
};

function windows(info: ConvInfo): number[] {
  return [
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.padInfo.top,
    info.padInfo.left,
  ];
}
