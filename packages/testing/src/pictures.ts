import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng } from '@vqkit/core-tensor';
import sharp, { type Sharp } from 'sharp';
import { afterAll } from 'vitest';

/** A new folder that is removed after the tests of the file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vqkit-train-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** An IDX file of images from their pixels. */
export function idxFile(count: number, height: number, width: number, pixels: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + pixels.length);
  const header = new DataView(bytes.buffer);
  [0x00000803, count, height, width].forEach((value, i) => {
    header.setUint32(4 * i, value);
  });
  bytes.set(pixels, 16);
  return bytes;
}

/** Smooth 8 × 8 blobs: something that an autoencoder can learn in a few steps. */
export function blobs(count: number, seed: number): Uint8Array {
  const rng = createRng(seed);
  return Uint8Array.from(
    Array.from({ length: count }, () => {
      const [x, y] = [8 * rng.uniform(), 8 * rng.uniform()];
      return Array.from({ length: 64 }, (_, i) =>
        Math.round(255 * Math.exp(-(((i % 8) - x) ** 2 + (Math.floor(i / 8) - y) ** 2) / 6)),
      );
    }).flat(),
  );
}

/** A folder with 40 training and 12 test images of 8 × 8 as IDX files. */
export async function tinyIdxFolder(seed = 1): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'train-images-idx3-ubyte'), idxFile(40, 8, 8, blobs(40, seed)));
  await writeFile(join(folder, 't10k-images-idx3-ubyte'), idxFile(12, 8, 8, blobs(12, 2)));
  return folder;
}

/** Left third red, middle third green, right third blue. */
export function stripes(width: number, height: number): Sharp {
  const colors = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
  ];
  const pixels = Array.from({ length: width * height }, (_, i) => colors[Math.floor((3 * (i % width)) / width)]);
  return sharp(Uint8Array.from(pixels.flat() as number[]), { raw: { width, height, channels: 3 } });
}
