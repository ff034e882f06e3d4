import { type Convolution, convolve, type FilterLayout } from './convolve.ts';
import { convolveFilter } from './convolve-filter.ts';
import { convolveInput } from './convolve-input.ts';
import type { Engine } from './engine.ts';
import { partsOf } from './winograd.ts';

/** Taps of a filter that is filled up to eight. */
const LEAST_TAPS = 5;
const MOST_TAPS = 8;
/** Fewer channels are brought to tiles and back in more time than their products save. */
const LEAST_CHANNELS = 16;
/** Lines, and on average tiles of twelve places, shorter than this take as many products as the plain sum. */
const LEAST_PLACES = 8;
/** Longer lines keep the plain sum: offsets into a line, and the reach of a tile beyond it, are counted in 32 bits. */
const MOST_BYTES = 2 ** 30;
/** Tiles whose products are taken at a time, and for the filter's gradient. */
const BLOCK = 32;
const FILTER_BLOCK = 64;
/** Room of a worker for one vector of each number and for four of each place, in assembly/winograd-line-tiles.ts. */
const ROOM = 1664;
/** Partial results of the filter's gradient: what they are read and written again costs more than what threads do twice. */
const GROUPS = 16;
const PARTIAL_BYTES = 10 * 1024 * 1024;

/** A convolution along lines whose places are multiples of a pixel, by tiles: see assembly/winograd-line.ts. */
interface Lines {
  /** Places of a part of a tile, which takes half of the filter: 4, or 1 of two taps. */
  readonly size: 1 | 4;
  readonly taps: number;
  readonly lines: number;
  /** Places of the output. */
  readonly places: number;
  readonly dilation: number;
  /** Floats of a line, of one of its places, and from its begin to the first tap of place 0. */
  readonly length: number;
  readonly channels: number;
  readonly start: number;
  /** The same of the output. */
  readonly outLength: number;
  readonly outChannels: number;
  readonly outStart: number;
}

/**
 * As {@link convolve}, along a line by tiles (assembly/winograd-line.ts) where these take fewer products. It is for kernels of vqkit alone: tfjs's own
 * keep the plain sum. So does a causal convolution, because a tile's rounding depends on its later places: what streams keeps the bits of the whole.
 */
export function convolveTiled(
  engine: Engine,
  c: Convolution,
  images: number,
  filter: FilterLayout,
  bias: number,
  relu: boolean,
  out: number,
): void {
  const lines = relu || isCausal(c) ? undefined : linesOf(c);
  if (lines === undefined) convolve(engine, c, images, filter, bias, relu, out);
  // The taps of one step of the stride are channels of one place.
  else convolveLines(engine, lines, images, { ...filter, tapStride: c.strideX * filter.tapStride }, bias, out);
}

/** As {@link convolveInput}, in the same way. */
export function convolveInputTiled(engine: Engine, c: Convolution, dy: number, filter: number, out: number): void {
  const lines = c.strideX === 1 ? undefined : linesOf(c);
  if (lines === undefined) {
    convolveInput(engine, c, dy, filter, out, convolveTiled);
    return;
  }
  // Of two taps the second comes first, and sees one place of dy before.
  const { channels, outChannels } = lines;
  const backward: Lines = {
    ...lines,
    places: Math.ceil((lines.length - lines.start) / channels),
    length: lines.outLength,
    channels: outChannels,
    start: -outChannels,
    outLength: lines.length,
    outChannels: channels,
    outStart: lines.start,
  };
  const tap = channels * outChannels;
  const layout = { start: filter + 4 * tap, tapStride: -tap, channelStride: 1, outChannelStride: outChannels };
  convolveLines(engine, backward, dy, layout, 0, out);
}

/** As {@link convolveFilter}, in the same way. */
export function convolveFilterTiled(engine: Engine, c: Convolution, images: number, dy: number, out: number): void {
  const lines = linesOf(c);
  if (lines === undefined) {
    convolveFilter(engine, c, images, dy, out);
    return;
  }
  const { size, taps, channels, outChannels } = lines;
  const numbers = numbersOf(size);
  const bytes = numbers * (4 * channels * outChannels + 64);
  const groups = Math.max(
    1,
    Math.min(GROUPS, Math.floor(PARTIAL_BYTES / bytes), Math.ceil(tilesOf(lines) / FILTER_BLOCK)),
  );
  const parts = partsOf(channels, groups, engine.threads);
  const taken = channels / parts;
  const workerBytes =
    ROOM +
    4 * reachOf(size) * Math.max(taken, outChannels) +
    numbers * (4 * FILTER_BLOCK * (taken + outChannels) + 2 * 64);
  engine.scratch(groups * bytes + engine.threads * workerBytes, (partials) => {
    const room = partials + groups * bytes;
    const geometry = [room, workerBytes, ...geometryOf(lines), FILTER_BLOCK, groups, parts];
    engine.run('lineFilterImages', groups * parts, images, dy, partials, ...geometry);
    engine.run('lineFilterSlope', channels / 8, partials, out, room, size, taps, channels, outChannels, groups);
  });
}

function convolveLines(
  engine: Engine,
  lines: Lines,
  images: number,
  { start, tapStride, channelStride, outChannelStride }: FilterLayout,
  bias: number,
  out: number,
): void {
  const { size, taps, channels, outChannels } = lines;
  const numbers = numbersOf(size);
  const filterBytes = numbers * (4 * channels * outChannels + 64);
  const workerBytes =
    ROOM + 4 * 4 * reachOf(size) * channels + numbers * (4 * BLOCK * (channels + outChannels) + 2 * 64);
  engine.scratch(filterBytes + engine.threads * workerBytes, (packed) => {
    const room = packed + filterBytes;
    const strides = [tapStride, channels, channelStride, outChannels, outChannelStride];
    engine.run('lineFilter', outChannels / 8, start, packed, room, size, taps, ...strides);
    const units = Math.ceil(tilesOf(lines) / BLOCK);
    engine.run('lineImages', units, images, packed, bias, out, room, workerBytes, ...geometryOf(lines), BLOCK);
  });
}

/** A convolution as tiles take it, if they take fewer products: of many taps, or of two taps for each step of its stride. */
function linesOf(c: Convolution): Lines | undefined {
  const alongLine = c.filterHeight === 1 && c.top === 0 && c.outHeight === c.height && c.strideY === 1;
  const alone = c.spacingY === 1 && c.spacingX === 1 && c.within === undefined;
  const wide = [c.channels, c.outChannels].every((count) => count >= LEAST_CHANNELS && count % 8 === 0);
  const counted = 4 * Math.max(c.width * c.channels, c.outWidth * c.outChannels) <= MOST_BYTES;
  if (!alongLine || !alone || !wide || !counted || c.outWidth < LEAST_PLACES) return undefined;
  const both = {
    lines: c.batch * c.height,
    places: c.outWidth,
    dilation: c.dilationX,
    length: c.width * c.channels,
    start: -c.left * c.channels,
    outLength: c.outWidth * c.outChannels,
    outChannels: c.outChannels,
    outStart: 0,
  };
  if (c.strideX === 1) {
    const lines = { ...both, size: 4, taps: c.filterWidth, channels: c.channels } as const;
    const suits = c.filterWidth >= LEAST_TAPS && c.filterWidth <= MOST_TAPS;
    return suits && c.outWidth * both.lines >= LEAST_PLACES * tilesOf(lines) ? lines : undefined;
  }
  const suits = c.filterWidth === 2 * c.strideX && c.dilationX === 1 && c.left >= 0;
  return suits ? { ...both, size: 1, taps: 2, channels: c.strideX * c.channels } : undefined;
}

/** Whether each place sees its own step of the stride and earlier places alone. */
function isCausal({ left, strideX, dilationX, filterWidth, width, outWidth }: Convolution): boolean {
  return left + strideX - 1 === dilationX * (filterWidth - 1) && outWidth * strideX === width;
}

/** As in assembly/winograd-line-tiles.ts. */
function numbersOf(size: number): number {
  return 8 * size - 4;
}

function reachOf(size: number): number {
  return 5 * size - 1;
}

/** Tiles of all lines: of each `dilation` places between two taps their own. */
function tilesOf({ size, lines, places, dilation }: Lines): number {
  return lines * dilation * Math.ceil(places / (dilation * 3 * size));
}

function geometryOf(c: Lines): number[] {
  const line = [c.size, c.lines, c.places, 4 * c.length, 4 * c.start, c.channels, c.dilation];
  return [...line, 4 * c.outLength, 4 * c.outStart, c.outChannels];
}
