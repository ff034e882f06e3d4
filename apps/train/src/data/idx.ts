import { readFile } from 'node:fs/promises';
import { gunzip } from 'node:zlib';
import { DataError, OptionError } from '@vqkit/core-tensor';
import { createImages, type Images } from './images.ts';

const UNSIGNED_BYTES = 0x08;
const IMAGE_AXES = 3;
const HEADER_BYTES = 4 + 4 * IMAGE_AXES;

/**
 * Reads images in MNIST's IDX format, plain or gzipped (told by content, not by name): two zero bytes, the type, the number of
 * axes, the size of each axis (32 bits, big-endian), then the pixels.
 *
 * @throws OptionError when the file cannot be read; DataError naming the file, the expected and the actual bytes when it is
 * not a whole IDX file of images.
 */
export async function readIdxImages(file: string): Promise<Images> {
  const where = `readIdxImages: ${file}`;
  const bytes = await inflate(where, await read(where, file));
  if (bytes.length < HEADER_BYTES) {
    throw new DataError(
      `${where} must have a header of ${HEADER_BYTES} bytes, got ${bytes.length} bytes. The file is cut short; get it again.`,
    );
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  const magic = header.getUint32(0);
  const expected = UNSIGNED_BYTES * 256 + IMAGE_AXES;
  if (magic !== expected) {
    throw new DataError(
      `${where} must start with ${hex(expected)} (unsigned bytes, ${IMAGE_AXES} axes), got ${hex(magic)}. Pass a file of images such as train-images-idx3-ubyte, not labels.`,
    );
  }
  const [count, height, width] = [4, 8, 12].map((at) => header.getUint32(at)) as [number, number, number];
  const wanted = HEADER_BYTES + count * height * width;
  if (bytes.length !== wanted || wanted === HEADER_BYTES) {
    throw new DataError(
      `${where} must have ${wanted} bytes (${count} images of ${height} × ${width} and a header), and at least one pixel, got ${bytes.length} bytes. The file is damaged or cut short; get it again.`,
    );
  }
  return createImages(bytes.subarray(HEADER_BYTES), [count, height, width, 1]);
}

async function read(where: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new OptionError(`${where} must be a readable file, got ${(error as Error).message}. Check dataPath.`);
  }
}

async function inflate(where: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  return new Promise((resolve, reject) => {
    gunzip(bytes, (error, plain) => {
      if (error === null) resolve(plain);
      else
        reject(
          new DataError(
            `${where} must be a whole gzip file, got ${error.message} after ${bytes.length} bytes. Get it again.`,
          ),
        );
    });
  });
}

function hex(magic: number): string {
  return `0x${magic.toString(16).padStart(8, '0')}`;
}
