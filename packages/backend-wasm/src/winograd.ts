import type { FilterLayout } from './convolve.ts';
import type { Engine } from './engine.ts';

/** A convolution of 3 × 3 taps and stride 1 over channels-last images, as {@link winograd} runs it: forward, or backward to the input. */
export interface WinogradConvolution {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Each pixel of the images counts `repeat` × `repeat` times. */
  readonly repeat: 1 | 2;
  /** Of the convolution itself, before pooling. */
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  /** 2 gives the sums of 2 × 2 places, the adjoint of repeating. */
  readonly pool: 1 | 2;
  /** Rows and columns of zeros before the image. */
  readonly top: number;
  readonly left: number;
}

/** Fewer channels are brought to tiles and back in more time than their products save. */
const LEAST_CHANNELS = 32;
/** Numbers that stand for a tile of 6 × 6. */
const NUMBERS = 36;
/** Tiles whose products are taken at a time, and for the filter's gradient. */
const BLOCK = 32;
const FILTER_BLOCK = 64;
/** The same of wide filters, whose sums are too large to be read and written more often. */
const WIDE_FILTER_BLOCK = 128;
/** Channels in and out from which a filter is wide. */
const WIDE = 256;
/** Room of a worker for a vector of each number and an output tile, in assembly/winograd.ts. */
const ROOM = 864;
/** Partial results of the filter's gradient: what they are read and written again costs more than what threads do twice. */
const GROUPS = 16;
const PARTIAL_BYTES = 10 * 1024 * 1024;

/** Whether a convolution is one of those that take fewer products by tiles. */
export function suitsWinograd(filter: readonly [number, number], channels: number, outChannels: number): boolean {
  const wide = [channels, outChannels].every((count) => count >= LEAST_CHANNELS && count % 8 === 0);
  return filter[0] === 3 && filter[1] === 3 && wide;
}

/** out = convolution of the images at address `images` with the filter, plus `bias` (0: none). */
export function winograd(
  engine: Engine,
  c: WinogradConvolution,
  images: number,
  { start, tapStride, channelStride, outChannelStride }: FilterLayout,
  bias: number,
  out: number,
): void {
  const { channels, outChannels } = c;
  const filterBytes = NUMBERS * (4 * channels * outChannels + 64);
  const workerBytes =
    ROOM + 4 * NUMBERS * channels + NUMBERS * (4 * BLOCK * channels + 64) + NUMBERS * (4 * BLOCK * outChannels + 64);
  engine.scratch(filterBytes + engine.threads * workerBytes, (packed) => {
    const room = packed + filterBytes;
    const strides = [tapStride, channels, channelStride, outChannels, outChannelStride];
    engine.run('winogradFilter', outChannels / 8, start, packed, room, ...strides);
    const units = Math.ceil(tilesOf(c) / BLOCK);
    engine.run('winogradImages', units, images, packed, bias, out, room, workerBytes, ...geometryOf(c), c.pool, BLOCK);
  });
}

/** The gradient of the filter, [3, 3, channels, outChannels] at address `out`, from the images and the gradient `dy` of the output. */
export function winogradFilter(
  engine: Engine,
  c: Omit<WinogradConvolution, 'pool'>,
  images: number,
  dy: number,
  out: number,
): void {
  const { channels, outChannels } = c;
  const block = channels + outChannels < WIDE ? FILTER_BLOCK : WIDE_FILTER_BLOCK;
  const size = NUMBERS * (4 * channels * outChannels + 64);
  const tiles = tilesOf(c);
  const groups = Math.max(1, Math.min(GROUPS, Math.floor(PARTIAL_BYTES / size), Math.ceil(tiles / block)));
  const parts = partsOf(channels, groups, engine.threads);
  const taken = channels / parts;
  const workerBytes =
    ROOM +
    4 * NUMBERS * Math.max(taken, outChannels) +
    NUMBERS * (4 * block * taken + 64) +
    NUMBERS * (4 * block * outChannels + 64);
  engine.scratch(groups * size + engine.threads * workerBytes, (partials) => {
    const room = partials + groups * size;
    const geometry = [room, workerBytes, ...geometryOf(c), block, groups, parts];
    engine.run('winogradFilterImages', groups * parts, images, dy, partials, ...geometry);
    engine.run('winogradFilterSlope', channels / 8, partials, out, room, channels, outChannels, groups);
  });
}

function tilesOf({ batch, outHeight, outWidth }: Omit<WinogradConvolution, 'pool'>): number {
  return batch * Math.ceil(outHeight / 4) * Math.ceil(outWidth / 4);
}

function geometryOf(c: Omit<WinogradConvolution, 'pool'>): number[] {
  const images = [c.batch, c.height, c.width, c.channels, c.repeat, c.top, c.left];
  return [...images, c.outHeight, c.outWidth, c.outChannels];
}

/**
 * Parts that the channels are cut into where there are fewer groups than threads: each part multiplies as it would alone, so that their number changes no
 * bit, but brings all of dy to numbers once more. At most so many that each has channels enough to pay, a multiple of 8.
 */
export function partsOf(channels: number, groups: number, threads: number): number {
  const even = groups % threads === 0 || threads % groups === 0;
  const wanted = Math.ceil(((even ? 1 : 2) * threads) / groups);
  for (let parts = Math.min(wanted, Math.floor(channels / LEAST_CHANNELS)); parts > 1; parts--) {
    if (channels % (8 * parts) === 0) return parts;
  }
  return 1;
}
