import { type Convolution, convolve, type FilterLayout } from './convolve.ts';
import { convolveFilter } from './convolve-filter.ts';
import type { Engine } from './engine.ts';
import { partsOf } from './winograd.ts';

/** Taps of a filter that is filled up to eight. */
const LEAST_TAPS = 5;
const MOST_TAPS = 8;
/** Fewer channels are brought to tiles and back in more time than their products save. */
const LEAST_CHANNELS = 16;
/** Places of the output that a tile stands for, the numbers that it has, the places of the input that it sees. */
const PLACES = 12;
const NUMBERS = 28;
const REACH = 19;
/** Tiles shorter than this, on average, take as many products as the plain sum. */
const LEAST_PLACES = 8;
/** Tiles whose products are taken at a time, and for the filter's gradient. */
const BLOCK = 32;
const FILTER_BLOCK = 64;
/** Room of a worker for one vector of each number and for four of each place, in assembly/winograd-line-tiles.ts. */
const ROOM = 1664;
/** Partial results of the filter's gradient: what they are read and written again costs more than what threads do twice. */
const GROUPS = 16;
const PARTIAL_BYTES = 10 * 1024 * 1024;

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
  if (relu || isCausal(c) || !suitsTiles(c)) {
    convolve(engine, c, images, filter, bias, relu, out);
    return;
  }
  const { channels, outChannels } = c;
  const { start, tapStride, channelStride, outChannelStride } = filter;
  const filterBytes = NUMBERS * (4 * channels * outChannels + 64);
  const workerBytes = ROOM + 4 * 4 * REACH * channels + NUMBERS * (4 * BLOCK * (channels + outChannels) + 2 * 64);
  engine.scratch(filterBytes + engine.threads * workerBytes, (packed) => {
    const room = packed + filterBytes;
    const strides = [tapStride, channels, channelStride, outChannels, outChannelStride];
    engine.run('lineFilter', outChannels / 8, start, packed, room, c.filterWidth, ...strides);
    const units = Math.ceil(tilesOf(c) / BLOCK);
    engine.run('lineImages', units, images, packed, bias, out, room, workerBytes, ...geometryOf(c), BLOCK);
  });
}

/** As {@link convolveFilter}, in the same way. */
export function convolveFilterTiled(engine: Engine, c: Convolution, images: number, dy: number, out: number): void {
  if (!suitsTiles(c)) {
    convolveFilter(engine, c, images, dy, out);
    return;
  }
  const { channels, outChannels } = c;
  const size = NUMBERS * (4 * channels * outChannels + 64);
  const tiles = tilesOf(c);
  const groups = Math.max(1, Math.min(GROUPS, Math.floor(PARTIAL_BYTES / size), Math.ceil(tiles / FILTER_BLOCK)));
  const parts = partsOf(channels, groups, engine.threads);
  const taken = channels / parts;
  const workerBytes =
    ROOM + 4 * REACH * Math.max(taken, outChannels) + NUMBERS * (4 * FILTER_BLOCK * (taken + outChannels) + 2 * 64);
  engine.scratch(groups * size + engine.threads * workerBytes, (partials) => {
    const room = partials + groups * size;
    const geometry = [room, workerBytes, ...geometryOf(c), FILTER_BLOCK, groups, parts];
    engine.run('lineFilterImages', groups * parts, images, dy, partials, ...geometry);
    engine.run('lineFilterSlope', channels / 8, partials, out, room, c.filterWidth, channels, outChannels, groups);
  });
}

/** Whether a convolution is along a line and takes fewer products by tiles. */
function suitsTiles(c: Convolution): boolean {
  const alongLine =
    c.filterHeight === 1 && c.top === 0 && c.outHeight === c.height && c.strideY === 1 && c.strideX === 1;
  const alone = c.spacingY === 1 && c.spacingX === 1 && c.within === undefined;
  const wide = [c.channels, c.outChannels].every((count) => count >= LEAST_CHANNELS && count % 8 === 0);
  const long = c.filterWidth >= LEAST_TAPS && c.filterWidth <= MOST_TAPS;
  return alongLine && alone && wide && long && c.outWidth >= LEAST_PLACES * tilesAlong(c);
}

/** Whether each place sees itself and earlier ones alone. */
function isCausal({ left, dilationX, filterWidth, width, outWidth }: Convolution): boolean {
  return left === dilationX * (filterWidth - 1) && outWidth === width;
}

/** Tiles of one line: of each `dilationX` places between two taps their own. */
function tilesAlong({ outWidth, dilationX }: Convolution): number {
  return dilationX * Math.ceil(outWidth / (dilationX * PLACES));
}

function tilesOf(c: Convolution): number {
  return c.batch * c.height * tilesAlong(c);
}

function geometryOf(c: Convolution): number[] {
  return [c.batch * c.height, c.width, c.channels, c.dilationX, c.left, c.outWidth, c.outChannels];
}
