import { type Convolution, convolve } from './convolve.ts';
import type { Engine } from './engine.ts';

/** Every stride-th place along an axis of the input. */
interface Phase {
  readonly count: number;
  /** The taps that reach them, from the last to the first. */
  readonly taps: readonly number[];
  /** Zeros before dy. */
  readonly before: number;
}

/**
 * The gradient of a convolution's input, at address `out`, from the gradient of its output and the filter [filterHeight, filterWidth,
 * channels, outChannels]: a convolution of stride 1 with the filter turned by 180° and its channel axes exchanged. Of a strided one, the
 * places of the input fall into strideY × strideX classes, each reached by taps of its own, so that no product is with a zero between
 * the places of dy.
 *
 * @param c the forward convolution.
 * @param run what does the convolutions of stride 1 that it is made of.
 */
export function convolveInput(
  engine: Engine,
  c: Convolution,
  dy: number,
  filter: number,
  out: number,
  run: typeof convolve = convolve,
): void {
  const { filterHeight, filterWidth, channels, outChannels, strideY, strideX, dilationY, dilationX } = c;
  const tap = channels * outChannels;
  const backward = {
    ...c,
    height: c.outHeight,
    width: c.outWidth,
    channels: outChannels,
    outHeight: c.height,
    outWidth: c.width,
    outChannels: channels,
    strideY: 1,
    strideX: 1,
  };
  const layout = { channelStride: 1, outChannelStride: outChannels };
  if ((strideY === 1 && strideX === 1) || (strideY > 1 && dilationY > 1) || (strideX > 1 && dilationX > 1)) {
    const turned = {
      ...backward,
      top: dilationY * (filterHeight - 1) - c.top,
      left: dilationX * (filterWidth - 1) - c.left,
      spacingY: strideY,
      spacingX: strideX,
    };
    const start = filter + 4 * (filterHeight * filterWidth - 1) * tap;
    run(engine, turned, dy, { ...layout, start, tapStride: -tap }, 0, false, out);
    return;
  }
  const rows = phasesOf(c.height, filterHeight, strideY, dilationY, c.top);
  const columns = phasesOf(c.width, filterWidth, strideX, dilationX, c.left);
  if ([...rows, ...columns].some(({ taps }) => taps.length === 0)) {
    engine.floats(out, c.batch * c.height * c.width * channels).fill(0);
  }
  engine.scratch(4 * filterHeight * filterWidth * tap, (taken) => {
    for (const [y, row] of rows.entries()) {
      for (const [x, column] of columns.entries()) {
        const taps = row.taps.flatMap((i) => column.taps.map((j) => i * filterWidth + j));
        if (taps.length === 0 || row.count === 0 || column.count === 0) continue;
        const weights = engine.floats(filter, filterHeight * filterWidth * tap);
        const chosen = engine.floats(taken, taps.length * tap);
        for (const [i, k] of taps.entries()) chosen.set(weights.subarray(k * tap, (k + 1) * tap), i * tap);
        const phase: Convolution = {
          ...backward,
          outHeight: row.count,
          outWidth: column.count,
          filterHeight: row.taps.length,
          filterWidth: column.taps.length,
          top: row.before,
          left: column.before,
          within: { height: c.height, width: c.width, spacingY: strideY, spacingX: strideX },
        };
        const target = out + 4 * (y * c.width + x) * channels;
        run(engine, phase, dy, { ...layout, start: taken, tapStride: tap }, 0, false, target);
      }
    }
  });
}

/** Place i = stride · m + phase takes tap k of dy's place m + shift - t, where k = first + stride · t. */
function phasesOf(length: number, filter: number, stride: number, dilation: number, before: number): Phase[] {
  return Array.from({ length: stride }, (_, phase) => {
    const first = (((phase + before) % stride) + stride) % stride;
    const taps = Array.from(
      { length: Math.max(0, Math.ceil((filter - first) / stride)) },
      (_, t) => first + stride * t,
    );
    const shift = (phase + before - first) / stride;
    return {
      count: Math.ceil((length - phase) / stride),
      taps: taps.reverse(),
      before: dilation * (taps.length - 1) - shift,
    };
  });
}
