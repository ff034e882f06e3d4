import type { Convolution } from './convolve.ts';
import type { Engine } from './engine.ts';

/** Up to this many output channels the lanes run along the input instead. */
const FEW_OUTPUTS = 4;
/** Partial results: enough for any number of threads to share evenly, and never large. */
const GROUPS = 16;
const PARTIAL_BYTES = 16 * 1024 * 1024;

/** Between at least so many channels both sides are packed first, which fewer do not repay. */
const WIDE_CHANNELS = 32;
/** As in assembly/conv-filter-wide.ts. */
const WIDE_BLOCK = 256;
const WIDE_PARTIAL_BYTES = 10 * 1024 * 1024;

type FilterConvolution = Omit<Convolution, 'dilationY' | 'spacingY' | 'spacingX' | 'within'>;

/**
 * The gradient of a convolution's filter, [filterHeight, filterWidth, channels, outChannels] at address `out`, from its images and
 * the gradient `dy` of its output. Without spacing, and with dilation along a single axis only.
 */
export function convolveFilter(engine: Engine, c: FilterConvolution, images: number, dy: number, out: number): void {
  if ([c.channels, c.outChannels].every((count) => count >= WIDE_CHANNELS && count % 8 === 0)) {
    convolveWideFilter(engine, c, images, dy, out);
    return;
  }
  // Taps apart from each other are rows of one tap.
  const rows = c.dilationX === 1 ? c.filterHeight : c.filterWidth;
  const runLength = c.dilationX === 1 ? c.filterWidth * c.channels : c.channels;
  const frameHeight = (c.outHeight - 1) * c.strideY + c.filterHeight;
  const frameWidth = (c.outWidth - 1) * c.strideX + c.dilationX * (c.filterWidth - 1) + 1;
  // Runs are read in whole vectors: only a frame has room for what that reads too much.
  const inPlace =
    c.top === 0 && c.left === 0 && runLength % 4 === 0 && frameHeight <= c.height && frameWidth <= c.width;
  const frameBytes = inPlace ? 0 : 4 * frameHeight * frameWidth * c.channels + 16;

  const few = c.outChannels <= FEW_OUTPUTS;
  const size = rows * (few ? Math.ceil(runLength / 4) * 4 : runLength) * c.outChannels;
  const groups = Math.max(1, Math.min(c.batch, GROUPS, Math.floor(PARTIAL_BYTES / (4 * size))));
  const geometry = [
    c.batch,
    c.height,
    c.width,
    c.channels,
    frameHeight,
    inPlace ? c.width : frameWidth,
    c.top,
    c.left,
    c.outHeight,
    c.outWidth,
    c.outChannels,
    c.strideY,
    c.strideX,
    rows,
    c.dilationX === 1 ? (inPlace ? c.width : frameWidth) * c.channels : c.dilationX * c.channels,
    runLength,
    groups,
  ];
  // One image of dy with its channels padded to whole vectors.
  const wideBytes =
    few || c.outChannels % 8 === 0 ? 0 : 4 * c.outHeight * c.outWidth * Math.ceil(c.outChannels / 8) * 8;
  const offsetBytes = 4 * c.outHeight * c.outWidth;
  engine.scratch(4 * groups * size + engine.threads * (offsetBytes + frameBytes + wideBytes), (partials) => {
    const offsets = partials + 4 * groups * size;
    const frames = offsets + engine.threads * offsetBytes;
    const frame = inPlace ? 0 : frames;
    if (few) {
      engine.run('convFilterImagesFewOutputs', groups, images, dy, partials, frame, frameBytes, offsets, ...geometry);
      engine.call('addPartialsFewOutputs', partials, out, groups, c.outChannels, rows, runLength);
      return;
    }
    const wide = wideBytes === 0 ? 0 : frames + engine.threads * frameBytes;
    const blocks = Math.ceil(GROUPS / groups);
    const scratch = [partials, frame, frameBytes, wide, wideBytes, offsets];
    engine.run('convFilterImages', groups * blocks, images, dy, ...scratch, ...geometry, blocks);
    engine.call('addPartials', partials, out, groups, size);
  });
}

/** The same between many channels: see assembly/conv-filter-wide.ts. */
function convolveWideFilter(engine: Engine, c: FilterConvolution, images: number, dy: number, out: number): void {
  const rows = c.filterHeight * c.filterWidth * c.channels;
  const size = 4 * rows * c.outChannels;
  const positions = c.batch * c.outHeight * c.outWidth;
  const fitting = Math.floor(WIDE_PARTIAL_BYTES / size);
  const groups = Math.max(1, Math.min(GROUPS, fitting, Math.floor(positions / WIDE_BLOCK)));
  const blocks = Math.ceil((4 * engine.threads) / groups);
  const workerBytes = 4 * WIDE_BLOCK * (16 + c.outChannels);
  const geometry = [
    c.batch,
    c.height,
    c.width,
    c.channels,
    c.outHeight,
    c.outWidth,
    c.outChannels,
    c.filterHeight,
    c.filterWidth,
    c.strideY,
    c.strideX,
    c.dilationX,
    c.top,
    c.left,
    groups,
    blocks,
  ];
  engine.scratch(groups * size + engine.threads * workerBytes, (partials) => {
    const room = partials + groups * size;
    engine.run('convFilterWide', groups * blocks, images, dy, partials, room, ...geometry);
    engine.run('addPanels', Math.ceil(rows / 8), partials, out, groups, rows, c.outChannels);
  });
}
