import { unscalePixels } from '@vqkit/tokenizer';
import type { ExamplePairs } from '@vqkit/training';
import sharp from 'sharp';
import type { ImagePairs } from '../report-data.ts';

/** Transparent pixels between two images. */
const GAP = 2;

/** Pairs of examples that are pictures. */
export function imagePairs({ shape: [height = 0, width = 0, channels = 0], ...pairs }: ExamplePairs): ImagePairs {
  const { count, originals, reconstructions } = pairs;
  return { count, height, width, channels, originals, reconstructions };
}

/** PNG of the first images in one row, in their own resolution. */
export async function stripPng(
  images: ImagePairs,
  which: 'originals' | 'reconstructions',
  most: number,
): Promise<Buffer> {
  const count = Math.min(images.count, most);
  return await drawGrid(images, [Array.from({ length: count }, (_, i) => ({ which, i }))], 1);
}

/** PNG of all images: a row of originals above the row of their reconstructions, and so on. */
export async function pairsPng(images: ImagePairs): Promise<Buffer> {
  const perRow = Math.min(images.count, Math.max(1, Math.floor(1024 / (images.width + GAP))), 16);
  const rows = [];
  for (let start = 0; start < images.count; start += perRow) {
    const columns = Array.from({ length: Math.min(perRow, images.count - start) }, (_, i) => start + i);
    for (const which of ['originals', 'reconstructions'] as const) rows.push(columns.map((i) => ({ which, i })));
  }
  // Small images are enlarged by a whole number, so that no pixel is blurred.
  return await drawGrid(images, rows, Math.max(1, Math.floor(64 / Math.max(images.width, images.height))));
}

type Cell = { readonly which: 'originals' | 'reconstructions'; readonly i: number };

async function drawGrid(images: ImagePairs, rows: readonly (readonly Cell[])[], zoom: number): Promise<Buffer> {
  const { width, height, channels } = images;
  const columns = Math.max(1, ...rows.map((row) => row.length));
  const gridWidth = columns * (width + GAP) - GAP;
  const gridHeight = Math.max(1, rows.length * (height + GAP) - GAP);
  const rgba = new Uint8Array(gridWidth * gridHeight * 4);
  const bytes = {
    originals: unscalePixels(images.originals),
    reconstructions: unscalePixels(images.reconstructions),
  };
  rows.forEach((row, r) => {
    row.forEach(({ which, i }, c) => {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const from = ((i * height + y) * width + x) * channels;
          const to = ((r * (height + GAP) + y) * gridWidth + c * (width + GAP) + x) * 4;
          for (let k = 0; k < 3; k++) rgba[to + k] = bytes[which][from + (channels === 1 ? 0 : k)] as number;
          rgba[to + 3] = 255;
        }
      }
    });
  });
  const picture = sharp(rgba, { raw: { width: gridWidth, height: gridHeight, channels: 4 } });
  const sized = zoom === 1 ? picture : picture.resize({ width: gridWidth * zoom, kernel: 'nearest' });
  return await sized.png({ compressionLevel: 9 }).toBuffer();
}
