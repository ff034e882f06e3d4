import { constants, createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DataError, OptionError, phrase, reason } from '@vqkit/core-tensor';
import { createImages, type Images } from './images.ts';

const UNSIGNED_BYTES = 0x08;
const IMAGE_AXES = 3;
const WHERE = 'readIdxImages';
const HEADER_BYTES = 4 + 4 * IMAGE_AXES;
/** Deflate never makes more of one byte. */
const MAX_EXPANSION = 1032;

/**
 * Reads images in MNIST's IDX format, plain or gzipped (told by content, not by name): two zero bytes, the type, the number of
 * axes, the size of each axis (32 bits, big-endian), then the pixels. Nothing is kept before the header is found to be right.
 *
 * @throws OptionError when the file cannot be read; DataError naming the file, the expected and the actual bytes when it is
 * not a whole IDX file of images.
 */
export async function readIdxImages(file: string): Promise<Images> {
  const { size, isGzip } = await look(file);
  const reader = createReader(file, size, isGzip);
  let problem: unknown;
  const consume = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of chunks) {
      try {
        reader.add(chunk);
      } catch (error) {
        problem = error;
        throw error;
      }
    }
  };
  try {
    if (isGzip) await pipeline(createReadStream(file), createGunzip(), consume);
    else await pipeline(createReadStream(file), consume);
  } catch (error) {
    // What the pipeline throws may be that it was ended.
    if (problem !== undefined) throw problem;
    if (!isGzip) throw unreadable(file, error);
    const got = phrase(`${(error as Error).message} after ${size} bytes`);
    throw new DataError(WHERE, file, 'be a whole gzip file', got, 'Get it again.');
  }
  return reader.images();
}

async function look(file: string): Promise<{ size: number; isGzip: boolean }> {
  try {
    const entry = await stat(file);
    if (!entry.isFile()) {
      const got = phrase(entry.isDirectory() ? 'a folder' : 'something else');
      throw new OptionError(WHERE, file, 'be a file', got, 'Check dataPath.');
    }
    // A FIFO would wait for its other end.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const { buffer } = await handle.read(new Uint8Array(2), 0, 2, 0);
      return { size: entry.size, isGzip: buffer[0] === 0x1f && buffer[1] === 0x8b };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): unknown {
  if (error instanceof OptionError) return error;
  return new OptionError(WHERE, file, 'be a readable file', reason(error), 'Check dataPath.', {
    cause: error,
  });
}

interface IdxReader {
  add(chunk: Uint8Array): void;
  images(): Images;
}

function createReader(file: string, fileBytes: number, isGzip: boolean): IdxReader {
  const header = new Uint8Array(HEADER_BYTES);
  let shape: Shape | undefined;
  let pixels = new Uint8Array(0);
  let seen = 0;
  const wrong = ({ count, height, width, bytes }: Shape, found: string): DataError =>
    new DataError(
      WHERE,
      file,
      `have ${bytes} bytes (${count} images of ${height} × ${width} and a header), and at least one pixel`,
      phrase(`${found} bytes`),
      'The file is damaged or cut short; get it again.',
    );
  return {
    add(chunk) {
      const ofHeader = chunk.subarray(0, Math.max(0, HEADER_BYTES - seen));
      header.set(ofHeader, Math.min(seen, HEADER_BYTES));
      const from = seen + ofHeader.length - HEADER_BYTES;
      seen += chunk.length;
      if (seen < HEADER_BYTES) return;
      if (shape === undefined) {
        shape = shapeOf(file, header);
        const most = isGzip ? MAX_EXPANSION * fileBytes : fileBytes;
        if (shape.bytes > most || shape.bytes === HEADER_BYTES)
          throw wrong(shape, isGzip ? `at most ${most}` : `${most}`);
        pixels = new Uint8Array(shape.bytes - HEADER_BYTES);
      }
      if (seen > shape.bytes) throw wrong(shape, isGzip ? `${seen} and more` : `${fileBytes}`);
      pixels.set(chunk.subarray(ofHeader.length), from);
    },
    images() {
      if (shape === undefined) {
        const rule = `have a header of ${HEADER_BYTES} bytes`;
        const fix = 'The file is cut short; get it again.';
        throw new DataError(WHERE, file, rule, phrase(`${seen} bytes`, seen), fix);
      }
      if (seen !== shape.bytes) throw wrong(shape, `${seen}`);
      return createImages(pixels, [shape.count, shape.height, shape.width, 1]);
    },
  };
}

interface Shape {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** Of the whole file. */
  readonly bytes: number;
}

function shapeOf(file: string, bytes: Uint8Array): Shape {
  const header = new DataView(bytes.buffer);
  const magic = header.getUint32(0);
  const expected = UNSIGNED_BYTES * 256 + IMAGE_AXES;
  if (magic !== expected) {
    throw new DataError(
      WHERE,
      file,
      `start with ${hex(expected)} (unsigned bytes, ${IMAGE_AXES} axes)`,
      phrase(hex(magic), magic),
      'Pass a file of images such as train-images-idx3-ubyte, not labels.',
    );
  }
  const [count, height, width] = [4, 8, 12].map((at) => header.getUint32(at)) as [number, number, number];
  return { count, height, width, bytes: HEADER_BYTES + count * height * width };
}

function hex(magic: number): string {
  return `0x${magic.toString(16).padStart(8, '0')}`;
}
