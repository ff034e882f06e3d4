import { writeFile } from 'node:fs/promises';
import type { Images } from '@vqkit/data';

const MAGIC = 0x803;
const HEADER_BYTES = 16;

/** Writes grey images, at most `most` of them, as one file in MNIST's format, which every contender reads. */
export async function writeIdx(path: string, images: Images, most: number = images.count): Promise<string> {
  const { height, width } = images;
  const count = Math.min(most, images.count);
  const bytes = new Uint8Array(HEADER_BYTES + count * height * width);
  const head = new DataView(bytes.buffer);
  for (const [i, word] of [MAGIC, count, height, width].entries()) head.setUint32(4 * i, word);
  const step = 1000;
  for (let from = 0; from < count; from += step) {
    const pixels = images.batch(Int32Array.from({ length: Math.min(step, count - from) }, (_, i) => from + i));
    bytes.set(
      pixels.map((value) => Math.round((value + 1) * 127.5)),
      HEADER_BYTES + from * height * width,
    );
  }
  await writeFile(path, bytes);
  return path;
}
