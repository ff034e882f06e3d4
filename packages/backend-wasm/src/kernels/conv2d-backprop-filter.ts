import {
  backend_util,
  type Conv2DBackpropFilterAttrs,
  concat,
  type KernelFunc,
  matMul,
  pad,
  reshape,
  stridedSlice,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';

/** dW[kh, kw, i, o] = Σ over images and output positions of x[n, y·s + kh - p, x·s + kw - p, i] · dy[n, y, x, o]. */
export const conv2DBackpropFilter: KernelFunc = ({ inputs, attrs }) =>
  tidy(() => {
    const { x, dy } = inputs as unknown as { x: Tensor4D; dy: Tensor4D };
    const {
      strides,
      pad: padding,
      dataFormat,
      dimRoundingMode,
      filterShape,
    } = attrs as unknown as Conv2DBackpropFilterAttrs;
    const format = backend_util.convertConv2DDataFormat(dataFormat);
    const info = backend_util.computeConv2DInfo(
      x.shape,
      filterShape,
      strides,
      1,
      padding,
      dimRoundingMode,
      false,
      format,
    );
    const channelsLast = (t: Tensor4D): Tensor4D =>
      format === 'channelsLast' ? t : (transpose(t, [0, 2, 3, 1]) as Tensor4D);
    const { top, bottom, left, right } = info.padInfo;
    const padded = pad(channelsLast(x), [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]) as Tensor4D;
    const taps: Tensor[] = [];
    for (let kh = 0; kh < info.filterHeight; kh++) {
      for (let kw = 0; kw < info.filterWidth; kw++) {
        const end = [info.batchSize, kh + info.outHeight * info.strideHeight, kw + info.outWidth * info.strideWidth];
        const tap = stridedSlice(
          padded,
          [0, kh, kw, 0],
          [
            end[0] as number,
            Math.min(end[1] as number, padded.shape[1]),
            Math.min(end[2] as number, padded.shape[2]),
            info.inChannels,
          ],
          [1, info.strideHeight, info.strideWidth, 1],
        );
        taps.push(reshape(tap, [-1, info.inChannels]));
      }
    }
    const columns = transpose(concat(taps, 1)) as Tensor2D;
    const rows = reshape(channelsLast(dy), [-1, info.outChannels]) as Tensor2D;
    return reshape(matMul(columns, rows), filterShape);
  });
