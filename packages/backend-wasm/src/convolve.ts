import type { Engine } from './engine.ts';
import type { ConvInfo } from './shapes.ts';

/** One convolution over channels-last images, as {@link convolve} runs it: forward, or backward to the input. */
export interface Convolution {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  /** Rows and columns of zeros before the image; may be negative. */
  readonly top: number;
  readonly left: number;
  /** Distance between neighbouring pixels of the image once it is placed among zeros. */
  readonly spacingY: number;
  readonly spacingX: number;
  /** A larger image that several convolutions fill, each pixels so far apart. Default the output alone. */
  readonly within?: {
    readonly height: number;
    readonly width: number;
    readonly spacingY: number;
    readonly spacingX: number;
  };
}

/** How element (tap, channel, outChannel) of the filter is found in memory, in floats from `start`. */
export interface FilterLayout {
  readonly start: number;
  readonly tapStride: number;
  readonly channelStride: number;
  readonly outChannelStride: number;
}

/** The forward convolution that tfjs describes. */
export function convolutionOf(info: ConvInfo): Convolution {
  return {
    batch: info.batchSize,
    height: info.inHeight,
    width: info.inWidth,
    channels: info.inChannels,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    outChannels: info.outChannels,
    filterHeight: info.filterHeight,
    filterWidth: info.filterWidth,
    strideY: info.strideHeight,
    strideX: info.strideWidth,
    dilationY: info.dilationHeight,
    dilationX: info.dilationWidth,
    top: info.padInfo.top,
    left: info.padInfo.left,
    spacingY: 1,
    spacingX: 1,
  };
}

/** Up to this many output channels the lanes run along the input instead. */
const FEW_OUTPUTS = 4;
/** A frame (one image, or a band of its rows, among zeros) should stay in the second-level cache. */
const FRAME_BYTES = 256 * 1024;

/** out = convolution of the images at address `images` with the filter, plus `bias` (0: none), cut at 0 when `relu`. */
export function convolve(
  engine: Engine,
  c: Convolution,
  images: number,
  filter: FilterLayout,
  bias: number,
  relu: boolean,
  out: number,
): void {
  const taps = c.filterHeight * c.filterWidth;
  const spanY = (c.filterHeight - 1) * c.dilationY + 1;
  const frameWidth = (c.outWidth - 1) * c.strideX + (c.filterWidth - 1) * c.dilationX + 1;
  const fullHeight = (c.outHeight - 1) * c.strideY + spanY;
  const inPlace =
    c.top === 0 &&
    c.left === 0 &&
    c.spacingY === 1 &&
    c.spacingX === 1 &&
    fullHeight <= c.height &&
    frameWidth <= c.width;

  const rowBytes = 4 * (inPlace ? c.width : frameWidth) * c.channels;
  const fittingRows = Math.floor((FRAME_BYTES / rowBytes - spanY) / c.strideY) + 1;
  const bandRows = Math.min(c.outHeight, Math.max(fittingRows, 4));
  const bands = Math.ceil(c.outHeight / bandRows);
  const frameHeight = (bandRows - 1) * c.strideY + spanY;
  const frameBytes = inPlace ? 0 : 4 * frameHeight * frameWidth * c.channels;

  const whole = c.within ?? { height: c.outHeight, width: c.outWidth, spacingY: 1, spacingX: 1 };
  const contiguous = c.dilationX === 1;
  const rowFloats = (inPlace ? c.width : frameWidth) * c.channels;
  const geometry = (frame: number): number[] => [
    frame,
    frameBytes,
    c.height,
    c.width,
    c.channels,
    frameHeight,
    inPlace ? c.width : frameWidth,
    c.top,
    c.left,
    c.spacingY,
    c.spacingX,
    c.outHeight,
    c.outWidth,
    c.outChannels,
    whole.height * whole.width * c.outChannels,
    whole.spacingY * whole.width * c.outChannels,
    whole.spacingX * c.outChannels,
    c.strideY,
    c.strideX,
    c.filterHeight,
    c.dilationY * rowFloats,
    contiguous ? 1 : c.filterWidth,
    contiguous ? 0 : c.dilationX * c.channels,
    contiguous ? c.filterWidth * c.channels : c.channels,
    relu ? 1 : 0,
    bands,
    bandRows,
  ];
  const { start, tapStride, channelStride, outChannelStride } = filter;
  const few = c.outChannels <= FEW_OUTPUTS && c.filterWidth * c.channels >= 4;
  const panels = Math.ceil(c.outChannels / 8);
  const packedBytes = 4 * taps * c.channels * (few ? c.outChannels : panels * 8);
  engine.scratch(packedBytes + engine.threads * frameBytes, (packed) => {
    const frame = inPlace ? 0 : packed + packedBytes;
    if (few) {
      engine.call(
        'transposeFilter',
        start,
        packed,
        taps,
        tapStride,
        c.channels,
        channelStride,
        c.outChannels,
        outChannelStride,
      );
      engine.run('convImagesFewOutputs', c.batch * bands, images, packed, bias, out, ...geometry(frame));
    } else {
      engine.run(
        'packPanels',
        panels,
        start,
        packed,
        0,
        taps,
        tapStride,
        c.channels,
        channelStride,
        c.outChannels,
        outChannelStride,
      );
      engine.run('convImages', c.batch * bands, images, packed, bias, out, ...geometry(frame));
    }
  });
}
