import { scalePixels } from '@vqkit/tokenizer';

/** What bytes are added to, such as a hash. */
export interface Digest {
  update(bytes: Uint8Array): unknown;
}

/** Images of one size, handed out as floats in [-1, 1], channels last, from wherever they are. */
export interface ImageExamples extends Omit<Images, 'batch' | 'subset'> {
  /** Batches that are asked for before they are needed, where they are read from files. Default none. */
  readonly readAhead?: number | undefined;
  /** As that of {@link Images}; what cannot be read is left out. */
  batch(positions: ArrayLike<number>, draw?: number): Float32Array | Promise<Float32Array>;
}

/** Images of one size, kept as bytes and handed out as floats in [-1, 1], channels last. */
export interface Images {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** [height, width, channels]. */
  readonly shape: readonly number[];
  /**
   * The images at these positions, one after the other: [positions.length, height, width, channels] as float32.
   * @param draw number of the batch in a training, for images that differ each time.
   */
  batch(positions: ArrayLike<number>, draw?: number): Float32Array;
  /** The images at these positions as a set of its own; the bytes are shared. */
  subset(positions: Int32Array): Images;
  /** Adds their bytes, one image after the other, to a digest. */
  digest(hash: Digest): void;
}

/** @param pixels [count, height, width, channels] as bytes, 0 black. */
export function createImages(pixels: Uint8Array, shape: readonly [number, number, number, number]): Images {
  const [count, height, width, channels] = shape;
  return view(
    pixels,
    { height, width, channels },
    Int32Array.from({ length: count }, (_, i) => i),
  );
}

function view(
  pixels: Uint8Array,
  size: { height: number; width: number; channels: number },
  selected: Int32Array,
): Images {
  const length = size.height * size.width * size.channels;
  return {
    count: selected.length,
    ...size,
    shape: [size.height, size.width, size.channels],
    batch: (positions) => {
      const values = new Float32Array(positions.length * length);
      for (let i = 0; i < positions.length; i++) {
        const start = (selected[positions[i] as number] as number) * length;
        scalePixels(pixels.subarray(start, start + length), values.subarray(i * length));
      }
      return values;
    },
    digest: (hash) => {
      for (const i of selected) hash.update(pixels.subarray(i * length, (i + 1) * length));
    },
    subset: (positions) =>
      view(
        pixels,
        size,
        positions.map((position) => selected[position] as number),
      ),
  };
}
