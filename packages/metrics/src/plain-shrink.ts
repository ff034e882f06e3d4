import { requireInteger, requireKnownOptions } from '@vqkit/core-tensor/check';
import { phrase, ShapeError } from '@vqkit/core-tensor/errors';

export interface PlainShrinkOptions {
  readonly width: number;
  readonly height: number;
  /** Channels of a pixel, beside each other (channels last). Default 1. */
  readonly channels?: number;
  /** Pixels along each side that become one; divides width and height. */
  readonly factor: number;
  /** Bits of a small pixel, all its channels together. */
  readonly bits: number;
}

/** What a byte has. */
const MOST_BITS = 8;
/** Of the bicubic kernel, as PIL, libvips and PyTorch with antialias have it. */
const A = -0.5;

/**
 * What a tokenizer must beat: images shrunk to one pixel per token in as many bits, and enlarged again. Means of `factor` × `factor` pixels, each channel rounded to `2^b`
 * even levels from -1 to 1, enlarged bicubically (a = -½, at the border over the pixels there are) and clamped to [-1, 1].
 *
 * The bits go to the channels in turn, green (the middle one) first: 10 are 3, 4 and 3; at most 8 each. A channel without bits is 0.
 *
 * @param pixels whole images in [-1, 1], channels last, one after the other.
 * @returns the enlarged images.
 * @throws OptionError for a bad option; ShapeError when the pixels are no whole images, or the factor does not divide them.
 * @example
 * const pixels = new Float32Array(64 * 64 * 3);
 * plainShrink(pixels, { width: 64, height: 64, channels: 3, factor: 4, bits: 10 });
 */
export function plainShrink(pixels: ArrayLike<number>, options: PlainShrinkOptions): Float32Array {
  const where = 'plainShrink';
  requireKnownOptions(where, options, ['width', 'height', 'channels', 'factor', 'bits']);
  const { width, height, channels = 1, factor, bits } = options;
  for (const [name, value] of Object.entries({ width, height, channels, factor, bits })) {
    requireInteger(where, name, value, 1);
  }
  const size = width * height * channels;
  if (width % factor !== 0 || height % factor !== 0 || pixels.length % size !== 0) {
    throw new ShapeError(
      where,
      'pixels',
      `be whole images of ${height} × ${width} × ${channels}, of which ${factor} divides both sides`,
      phrase(`${pixels.length} numbers`, pixels.length),
      'Check the options.',
    );
  }
  const [rows, columns] = [height / factor, width / factor];
  const levels = levelsOf(channels, bits);
  const [down, across] = [taps(rows, factor), taps(columns, factor)];
  const enlarged = new Float32Array(pixels.length);
  const small = new Float64Array(rows * columns * channels);
  const wide = new Float64Array(rows * width * channels);
  for (let start = 0; start < pixels.length; start += size) {
    small.fill(0);
    for (let i = 0; i < size; i++) {
      const [c, x] = [i % channels, Math.floor(i / channels) % width];
      const y = Math.floor(i / channels / width);
      const at = (Math.floor(y / factor) * columns + Math.floor(x / factor)) * channels + c;
      small[at] = (small[at] as number) + (pixels[start + i] as number);
    }
    for (let i = 0; i < small.length; i++) {
      small[i] = rounded((small[i] as number) / factor ** 2, levels[i % channels] as number);
    }
    for (let i = 0; i < wide.length; i++) {
      const [c, x] = [i % channels, Math.floor(i / channels) % width];
      const row = Math.floor(i / channels / width) * columns;
      wide[i] = weighted(across[x], (column) => small[(row + column) * channels + c] as number);
    }
    for (let i = 0; i < size; i++) {
      const within = i % (width * channels);
      const y = Math.floor(i / channels / width);
      const value = weighted(down[y], (row) => wide[row * width * channels + within] as number);
      enlarged[start + i] = Math.min(1, Math.max(-1, value));
    }
  }
  return enlarged;
}

/** Levels of each channel. */
function levelsOf(channels: number, bits: number): number[] {
  const middle = Math.floor(channels / 2);
  const order = [middle, ...Array.from({ length: channels }, (_, c) => c).filter((c) => c !== middle)];
  const shares = new Array<number>(channels).fill(0);
  for (let i = 0; i < Math.min(bits, MOST_BITS * channels); i++) {
    const c = order[i % channels] as number;
    shares[c] = (shares[c] as number) + 1;
  }
  return shares.map((share) => 2 ** share);
}

function rounded(value: number, levels: number): number {
  if (levels === 1) return 0;
  const step = 2 / (levels - 1);
  return Math.min(levels - 1, Math.max(0, Math.round((value + 1) / step))) * step - 1;
}

type Tap = readonly [index: number, weight: number];

function weighted(of: readonly Tap[] | undefined, value: (index: number) => number): number {
  let sum = 0;
  for (const [index, weight] of of ?? []) sum += weight * value(index);
  return sum;
}

/** For each place of the enlarged row, the pixels that it is made of. */
function taps(length: number, factor: number): Tap[][] {
  return Array.from({ length: length * factor }, (_, place) => {
    const centre = (place + 0.5) / factor - 0.5;
    const first = Math.floor(centre) - 1;
    const all = Array.from({ length: 4 }, (_, i): Tap => [first + i, cubic(Math.abs(centre - first - i))]);
    const inside = all.filter(([index]) => index >= 0 && index < length);
    const total = inside.reduce((sum, [, weight]) => sum + weight, 0);
    return inside.map(([index, weight]): Tap => [index, weight / total]);
  });
}

function cubic(x: number): number {
  if (x < 1) return (A + 2) * x ** 3 - (A + 3) * x ** 2 + 1;
  return x < 2 ? A * (x ** 3 - 5 * x ** 2 + 8 * x - 4) : 0;
}
