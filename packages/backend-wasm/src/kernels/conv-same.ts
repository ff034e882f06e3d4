import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { type Convolution, convolve, type FilterLayout } from '../convolve.ts';
import { convolveFilter } from '../convolve-filter.ts';
import { type Engine, engineOf } from '../engine.ts';
import { suitsWinograd, type WinogradConvolution, winograd, winogradFilter } from '../winograd.ts';
import { convolveFilterTiled, convolveTiled } from '../winograd-line.ts';

type Shape4D = [number, number, number, number];

/** A convolution of stride 1 that keeps the size, of images whose pixels count `upsample` × `upsample` times. */
interface Same {
  readonly shape: Shape4D;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly outChannels: number;
  readonly padY: number;
  readonly padX: number;
}

/** y = convolution of x, its pixels repeated `upsample` × `upsample` times, plus bias. */
export const convSame: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, filter, bias } = inputs as Record<'x' | 'filter' | 'bias', TensorInfo>;
  const { upsample } = attrs as unknown as { upsample: 1 | 2 };
  const [kernelY, kernelX, , outChannels] = filter.shape as Shape4D;
  const same = sameOf(x.shape as Shape4D, kernelY, kernelX, outChannels);
  const [batch, height, width] = same.shape;
  const y = engine.output([batch, upsample * height, upsample * width, outChannels], 'float32');
  const [images, weights, offsets] = [x, filter, bias].map((tensor) => engine.address(tensor)) as [
    number,
    number,
    number,
  ];
  if (suitsWinograd([kernelY, kernelX], same.shape[3], outChannels)) {
    const c = tiled(same, upsample);
    winograd(engine, c, images, layoutOf(same, weights), offsets, engine.address(y));
  } else if (upsample === 1) {
    convolveTiled(engine, plain(same), images, layoutOf(same, weights), offsets, false, engine.address(y));
  } else {
    upsampled(engine, same, images, weights, offsets, engine.address(y));
  }
  return y;
};

/** dx = the transposed convolution of dy; with upsampling, of its 2 × 2 sums. */
export const convSameGradInput: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, filter } = inputs as Record<'dy' | 'filter', TensorInfo>;
  const { upsample } = attrs as unknown as { upsample: 1 | 2 };
  const [batch, outHeight, outWidth] = dy.shape as Shape4D;
  const [kernelY, kernelX, channels, outChannels] = filter.shape as Shape4D;
  const dx = engine.output([batch, outHeight / upsample, outWidth / upsample, channels], 'float32');
  const same = sameOf(dx.shape as Shape4D, kernelY, kernelX, outChannels);
  const slopes = engine.address(dy);
  const backward = backwardOf(same, upsample);
  const tap = channels * outChannels;
  const weights = engine.address(filter);
  const result = engine.address(dx);
  const turned = weights + 4 * (kernelY * kernelX - 1) * tap;
  const layout = { start: turned, tapStride: -tap, channelStride: 1, outChannelStride: outChannels };
  if (suitsWinograd([kernelY, kernelX], channels, outChannels)) {
    const { outHeight: height, outWidth: width, ...c } = tiled(same, upsample);
    const turnedRound = { ...c, height, width, channels: outChannels, repeat: 1, outChannels: channels } as const;
    winograd(engine, { ...turnedRound, outHeight: height, outWidth: width, pool: upsample }, slopes, layout, 0, result);
    return dx;
  }
  if (upsample === 1) {
    convolveTiled(engine, backward, slopes, layout, 0, false, result);
    return dx;
  }
  // Row Y of dy reaches row i of x by the taps k = K - 1 - t and K - t, where Y = 2i + p - (K - 1) + t.
  const { filterHeight, filterWidth } = backward;
  engine.scratch(4 * filterHeight * filterWidth * tap, (sums) => {
    engine.call(
      'combineTaps',
      weights,
      sums,
      kernelY,
      kernelX,
      filterHeight,
      filterWidth,
      kernelY - 1,
      -1,
      kernelX - 1,
      -1,
      channels,
      outChannels,
      outChannels,
      1,
    );
    convolve(engine, backward, slopes, { ...layout, start: sums, tapStride: tap }, 0, false, result);
  });
  return dx;
};

/** dW = Σ over images and positions of the patches of x, its pixels repeated, times dy. */
export const convSameGradFilter: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, dy } = inputs as Record<'x' | 'dy', TensorInfo>;
  const { upsample, filterSize } = attrs as unknown as { upsample: 1 | 2; filterSize: [number, number] };
  const [kernelY, kernelX] = filterSize;
  const outChannels = dy.shape[3] as number;
  const same = sameOf(x.shape as Shape4D, kernelY, kernelX, outChannels);
  const [, , , channels] = same.shape;
  const out = engine.output([kernelY, kernelX, channels, outChannels], 'float32');
  const [images, slopes, result] = [x, dy, out].map((tensor) => engine.address(tensor)) as [number, number, number];
  if (suitsWinograd(filterSize, channels, outChannels)) {
    winogradFilter(engine, tiled(same, upsample), images, slopes, result);
    return out;
  }
  if (upsample === 1) {
    convolveFilterTiled(engine, plain(same), images, slopes, result);
    return out;
  }
  // Seen from x, dy is the image of a convolution of stride 2: the gradient of that filter, each tap of which stands for two of ours.
  const backward = backwardOf(same, upsample);
  const { filterHeight, filterWidth } = backward;
  engine.scratch(4 * filterHeight * filterWidth * channels * outChannels, (sums) => {
    convolveFilter(engine, backward, slopes, images, sums);
    engine.call(
      'combineTaps',
      sums,
      result,
      filterHeight,
      filterWidth,
      kernelY,
      kernelX,
      kernelY - 1,
      -1,
      kernelX - 1,
      -1,
      channels,
      outChannels,
      1,
      channels,
    );
  });
  return out;
};

function sameOf(shape: Shape4D, filterHeight: number, filterWidth: number, outChannels: number): Same {
  const padY = Math.floor((filterHeight - 1) / 2);
  const padX = Math.floor((filterWidth - 1) / 2);
  return { shape, filterHeight, filterWidth, outChannels, padY, padX };
}

function plain({ shape: [batch, height, width, channels], ...same }: Same): Convolution {
  return {
    batch,
    height,
    width,
    channels,
    outHeight: height,
    outWidth: width,
    outChannels: same.outChannels,
    filterHeight: same.filterHeight,
    filterWidth: same.filterWidth,
    strideY: 1,
    strideX: 1,
    dilationY: 1,
    dilationX: 1,
    top: same.padY,
    left: same.padX,
    spacingY: 1,
    spacingX: 1,
  };
}

/** The same by tiles, for a filter of 3 × 3 taps. */
function tiled(same: Same, upsample: 1 | 2): WinogradConvolution {
  const [batch, height, width, channels] = same.shape;
  return {
    batch,
    height,
    width,
    channels,
    repeat: upsample,
    outHeight: upsample * height,
    outWidth: upsample * width,
    outChannels: same.outChannels,
    pool: 1,
    top: same.padY,
    left: same.padX,
  };
}

/** The convolution that takes dy to dx. With upsampling it has stride 2 and one tap more. */
function backwardOf(same: Same, upsample: 1 | 2): Convolution {
  const [, height, width, channels] = same.shape;
  return {
    ...plain(same),
    height: upsample * height,
    width: upsample * width,
    channels: same.outChannels,
    outHeight: height,
    outWidth: width,
    outChannels: channels,
    filterHeight: same.filterHeight + upsample - 1,
    filterWidth: same.filterWidth + upsample - 1,
    strideY: upsample,
    strideX: upsample,
    top: same.filterHeight - 1 - same.padY,
    left: same.filterWidth - 1 - same.padX,
  };
}

function layoutOf({ shape: [, , , channels], outChannels }: Same, start: number): FilterLayout {
  return { start, tapStride: channels * outChannels, channelStride: outChannels, outChannelStride: 1 };
}

/**
 * Rows of one parity see each row of x through one or two taps, which can be added beforehand: four small convolutions, one for
 * each parity of row and column, with 16 taps together in place of 4 · 9 for a 3 × 3 filter.
 */
function upsampled(engine: Engine, same: Same, images: number, weights: number, bias: number, out: number): void {
  const { filterHeight, filterWidth, padY, padX, outChannels } = same;
  const [, height, width, channels] = same.shape;
  const within = { height: 2 * height, width: 2 * width, spacingY: 2, spacingX: 2 };
  for (const parityY of [0, 1]) {
    for (const parityX of [0, 1]) {
      const [firstY, lastY] = reach(parityY, padY, filterHeight);
      const [firstX, lastX] = reach(parityX, padX, filterWidth);
      const [rows, columns] = [lastY - firstY + 1, lastX - firstX + 1];
      engine.scratch(4 * rows * columns * channels * outChannels, (sums) => {
        engine.call(
          'combineTaps',
          weights,
          sums,
          filterHeight,
          filterWidth,
          rows,
          columns,
          2 * firstY - parityY + padY,
          2,
          2 * firstX - parityX + padX,
          2,
          channels,
          outChannels,
          outChannels,
          1,
        );
        const one: Convolution = {
          ...plain(same),
          filterHeight: rows,
          filterWidth: columns,
          top: -firstY,
          left: -firstX,
          within,
        };
        const target = out + 4 * (parityY * 2 * width + parityX) * outChannels;
        convolve(engine, one, images, layoutOf(same, sums), bias, false, target);
      });
    }
  }
}

/** First and last row of x, relative to its own, that an output row of this parity reads. */
function reach(parity: number, pad: number, taps: number): [number, number] {
  return [Math.floor((parity - pad) / 2), Math.floor((parity - pad + taps - 1) / 2)];
}
