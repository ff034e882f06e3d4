import { createRng } from '@vqkit/core-tensor';
import type { Images } from './images.ts';

/** How training images differ each time that they are drawn. */
export interface AugmentOptions {
  /** Height and width of the part that is drawn, at most those of the images. */
  readonly size: readonly [height: number, width: number];
  /** Mirrors half of them, left to right. */
  readonly flip: boolean;
  readonly seed: number;
}

/**
 * The images, of which batch number `draw` has a random part of each, mirrored or not: a function of the seed, that number and the place in the
 * batch alone, so that a resumed training sees the same. Without the number, the middle of each.
 *
 * @example
 * const images = createImages(new Uint8Array(2 * 80 * 80 * 3), [2, 80, 80, 3]);
 * const train = augmentImages(images, { size: [64, 64], flip: true, seed: 0 });
 * train.batch([1, 0], 0).length; // 24576
 */
export function augmentImages(images: Images, options: AugmentOptions): Images {
  const [height, width] = options.size;
  const { channels } = images;
  return {
    ...images,
    height,
    width,
    shape: [height, width, channels],
    batch: (positions, draw) =>
      drawParts(images.batch(positions), [images.height, images.width, channels], options, draw),
    subset: (positions) => augmentImages(images.subset(positions), options),
  };
}

/** Of images of one shape, one after the other: what {@link augmentImages} draws of each. */
export function drawParts(
  whole: Float32Array,
  [fullHeight, fullWidth, channels]: readonly [height: number, width: number, channels: number],
  { size: [height, width], flip, seed }: AugmentOptions,
  draw: number | undefined,
): Float32Array {
  const rng = draw === undefined ? undefined : createRng(seed).fork(`parts of batch ${draw}`);
  const count = whole.length / (fullHeight * fullWidth * channels);
  const [down, across] = [fullHeight - height, fullWidth - width];
  const row = width * channels;
  const parts = new Float32Array(count * height * row);
  for (let i = 0; i < count; i++) {
    const top = rng === undefined ? down >> 1 : rng.integer(down + 1);
    const left = rng === undefined ? across >> 1 : rng.integer(across + 1);
    const mirrored = rng !== undefined && flip && rng.integer(2) === 1;
    for (let y = 0; y < height; y++) {
      const from = ((i * fullHeight + top + y) * fullWidth + left) * channels;
      const line = parts.subarray((i * height + y) * row, (i * height + y + 1) * row);
      line.set(whole.subarray(from, from + row));
      if (mirrored) mirror(line, channels);
    }
  }
  return parts;
}

/** Turns a row of pixels round. */
function mirror(line: Float32Array, channels: number): void {
  for (let a = 0, b = line.length - channels; a < b; a += channels, b -= channels) {
    for (let c = 0; c < channels; c++) {
      const left = line[a + c] as number;
      line[a + c] = line[b + c] as number;
      line[b + c] = left;
    }
  }
}
