import { tensor } from '@tensorflow/tfjs-core';
import { imagesFromPixels, loadImageTokenizer, pixelsFromImages } from '@vqkit/tokenizer';

/** Pixels of an image's side. */
export const SIZE = 28;

/** What came of {@link tokenizeSome}, as plain data. */
export interface Tokenized {
  /** Of the ids. */
  readonly shape: number[];
  readonly ids: number[];
  /** Images in [-1, 1] from ids that were given. */
  readonly decoded: number[];
  /** The same as a canvas holds them: RGBA. */
  readonly canvas: number[];
}

/**
 * Encodes grey images with a tokenizer from its file, and decodes ids.
 * @param given ids to decode instead of those that it encoded.
 */
export async function tokenizeSome(
  file: ArrayBuffer | Uint8Array,
  pixels: readonly number[],
  given?: readonly number[],
): Promise<Tokenized> {
  const tokenizer = loadImageTokenizer(file);
  const images = imagesFromPixels(Uint8Array.from(pixels), { height: SIZE, width: SIZE, channels: 1 });
  const ids = tokenizer.encode(images);
  const values = [...(await ids.data())];
  const decoded = tokenizer.decode(tensor([...(given ?? values)], ids.shape, 'int32'));
  const result = {
    shape: ids.shape,
    ids: values,
    decoded: [...(await decoded.data())],
    canvas: [...(await pixelsFromImages(decoded))],
  };
  for (const each of [images, ids, decoded]) each.dispose();
  tokenizer.dispose();
  return result;
}
