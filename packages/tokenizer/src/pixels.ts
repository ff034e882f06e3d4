import { type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { DtypeError, phrase, requireOption, requireTensor, ShapeError } from '@vqkit/core-tensor';

/** Pixels as bytes, row by row, channels last, 0 black: what a canvas's ImageData holds (RGBA), or a decoder of PNG gives. */
export type Pixels = Uint8Array | Uint8ClampedArray;

/** How many bytes a pixel has: grey, RGB or RGBA. */
export type PixelChannels = 1 | 3 | 4;

/**
 * The 256 pixel values in [-1, 1]: p/255, minus ½, over ½, each rounded to float32 as torchvision's ToTensor and Normalize(0.5,
 * 0.5) do.
 */
const SCALED: Float32Array = Float32Array.from({ length: 256 }, (_, p) => (Math.fround(p / 255) - 0.5) / 0.5);

/**
 * Bytes → values in [-1, 1], one for each: 0 gives -1, 255 gives 1. What training does, bit for bit.
 *
 * @param values where to put them. Default a new array.
 * @example
 * scalePixels(new Uint8Array([0, 128, 255])); // [-1, 0.0039, 1]
 */
export function scalePixels(pixels: Pixels, values: Float32Array = new Float32Array(pixels.length)): Float32Array {
  for (let i = 0; i < pixels.length; i++) values[i] = SCALED[pixels[i] as number] as number;
  return values;
}

/**
 * Values in [-1, 1] → the nearest bytes, the inverse of {@link scalePixels}. What lies beyond is clamped; NaN is black.
 *
 * @example
 * unscalePixels([-1, 0, 2]); // [0, 128, 255]
 */
export function unscalePixels(values: ArrayLike<number>): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(values.length);
  // The array itself would round halves to even.
  for (let i = 0; i < values.length; i++) pixels[i] = Math.round((((values[i] as number) + 1) / 2) * 255);
  return pixels;
}

/**
 * Images of one size from their bytes: float32 [batch, height, width, to] in [-1, 1]. The number of images follows from the length.
 *
 * Channels are converted as in the harness: transparent pixels onto black, colour to grey by its luminance, grey
 * to equal red, green and blue.
 *
 * @param layout height and width in pixels; `channels` of the bytes (1 grey, 3 RGB, 4 RGBA); `to` those of the images, 1 or 3, default 1
 * for grey, else 3.
 * @throws OptionError; ShapeError when the bytes are not a whole number of images.
 * @example
 * const { data, height, width } = canvas.getContext('2d').getImageData(0, 0, 28, 28);
 * const images = imagesFromPixels(data, { height, width, channels: 4, to: 1 }); // [1, 28, 28, 1]
 */
export function imagesFromPixels(
  pixels: Pixels,
  layout: { height: number; width: number; channels: PixelChannels; to?: 1 | 3 | undefined },
): Tensor4D {
  const where = 'imagesFromPixels';
  const { height, width, channels, to = channels === 1 ? 1 : 3 } = layout;
  const isBytes = pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray;
  requireOption(
    isBytes,
    where,
    'pixels',
    'a Uint8Array or Uint8ClampedArray',
    pixels,
    'Pass for example ImageData.data.',
  );
  requireChannels(where, 'channels', channels, [1, 3, 4]);
  requireChannels(where, 'to', to, [1, 3]);
  const size = height * width * channels;
  if (!(Number.isSafeInteger(size) && size > 0 && pixels.length % size === 0)) {
    throw new ShapeError(
      where,
      'pixels',
      `be whole images of ${height} × ${width} × ${channels} bytes`,
      phrase(`${pixels.length} bytes`, pixels.length),
      'Check height, width and channels.',
    );
  }
  const values = scalePixels(convertChannels(pixels, channels, to));
  return tensor4d(values, [pixels.length / size, height, width, to]);
}

/**
 * The bytes of images in [-1, 1], as a canvas wants them: clamped, grey as equal red, green and blue, opaque.
 *
 * @param images float32 [batch, height, width, 1 or 3].
 * @param channels 1, 3 or 4 bytes a pixel. Default 4.
 * @throws OptionError, DtypeError or ShapeError.
 * @example
 * const data = await pixelsFromImages(tokenizer.decode(ids));
 * context.putImageData(new ImageData(data, 28, 28), 0, 0);
 */
export async function pixelsFromImages(
  images: Tensor4D,
  channels: PixelChannels = 4,
): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const where = 'pixelsFromImages';
  requireTensor(where, 'images', images);
  requireChannels(where, 'channels', channels, [1, 3, 4]);
  if (images.dtype !== 'float32') {
    throw new DtypeError(where, 'images', 'be float32', images.dtype, 'Pass what decode() returned.');
  }
  const [, , , from] = images.shape;
  if (images.rank !== 4 || (from !== 1 && from !== 3)) {
    throw new ShapeError(
      where,
      'images',
      'be [batch, height, width, 1 or 3]',
      images.shape,
      'Pass what decode() returned.',
    );
  }
  return convertChannels(unscalePixels(await images.data()), from, channels);
}

function requireChannels(where: string, argument: string, value: unknown, allowed: readonly number[]): void {
  const words = allowed.join(', ');
  requireOption(allowed.includes(value as number), where, argument, `one of ${words}`, value, `Pick one of ${words}.`);
}

function convertChannels(pixels: Pixels, from: PixelChannels, to: PixelChannels): Uint8ClampedArray<ArrayBuffer> {
  const count = pixels.length / from;
  const converted = new Uint8ClampedArray(count * to);
  const colour = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const alpha = from === 4 ? (pixels[i * 4 + 3] as number) : 255;
    for (let c = 0; c < 3; c++) {
      colour[c] = Math.trunc(((pixels[i * from + (from === 1 ? 0 : c)] as number) * alpha) / 255);
    }
    const [red = 0, green = 0, blue = 0] = colour;
    if (to === 1) converted[i] = greyLevel(red, green, blue);
    else for (let c = 0; c < to; c++) converted[i * to + c] = c === 3 ? 255 : (colour[c] as number);
  }
  return converted;
}

/** sRGB bytes as light, and light as sRGB bytes: 256 equal steps. */
const LIGHT = Float32Array.from({ length: 256 }, (_, p) => {
  const level = Math.fround(p / 255);
  return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
});
const LEVEL = Float32Array.from({ length: 257 }, (_, p) => {
  const light = Math.fround(Math.min(p, 255) / 255);
  return Math.round(255 * Math.fround(light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
});

/**
 * Grey of the same luminance as an sRGB colour, `0.2126 R + 0.7152 G + 0.0722 B` of its light, read from a table of 256 steps: libvips's
 * conversion, which `sharp` and so the harness use. The same byte for all but 124 of the 16.7 million colours, where it is one off.
 */
function greyLevel(red: number, green: number, blue: number): number {
  const [r, g, b] = [LIGHT[red] as number, LIGHT[green] as number, LIGHT[blue] as number];
  const place = Math.min(Math.fround(Math.fround(0.2126 * r + 0.7152 * g + 0.0722 * b) * 255), 255);
  const below = Math.trunc(place);
  const [low, high] = [LEVEL[below] as number, LEVEL[below + 1] as number];
  return Math.round(Math.fround(low + (high - low) * (place - below)));
}
