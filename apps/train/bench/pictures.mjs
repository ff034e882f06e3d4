// Held-out pictures of a run as its report shows them, in one picture: each above its plain shrinking to the bits of its tokens, and that above its reconstruction. Prints the PSNR of both of each.
// On the built packages: node bench/pictures.mjs RUN FILE [columns]
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plainShrink, psnr } from '@vqkit/metrics';
import sharp from 'sharp';

const [run = '', out = '', columns = '8'] = process.argv.slice(2);
const { images, summary } = JSON.parse(await readFile(join(run, 'report-data.json'), 'utf8'));
const { width, height, channels } = images;
const count = Math.min(Number(columns), images.count);
const size = width * height * channels;
const { tokens, statistics } = summary.test.codes;
const factor = Math.sqrt((width * height * summary.testExamples) / tokens);
const bits = Math.ceil(statistics.nominalBitsPerToken);
const rows = [
  images.originals.slice(0, count * size),
  [...plainShrink(images.originals.slice(0, count * size), { width, height, channels, factor, bits })],
  images.reconstructions.slice(0, count * size),
];

const GAP = 2;
const SCALE = 2;
const [across, down] = [count * (width + GAP) - GAP, rows.length * (height + GAP) - GAP];
const sheet = Buffer.alloc(across * down * channels, 255);
for (const [row, values] of rows.entries()) {
  for (const [i, value] of values.entries()) {
    const [picture, y, x] = [Math.floor(i / size), Math.floor((i % size) / (width * channels)), i % (width * channels)];
    const at = (row * (height + GAP) + y) * across * channels + picture * (width + GAP) * channels + x;
    sheet[at] = Math.round(127.5 * (Math.min(1, Math.max(-1, value)) + 1));
  }
}
await sharp(sheet, { raw: { width: across, height: down, channels } })
  .resize({ width: SCALE * across, kernel: 'nearest' })
  .png({ palette: true, colours: 256, compressionLevel: 9 })
  .toFile(out);

for (const [name, values] of [
  ['plain shrinking', rows[1]],
  ['reconstruction', rows[2]],
]) {
  const decibels = Array.from({ length: count }, (_, n) => {
    const [shown, original] = [values, rows[0]].map((all) => all.slice(n * size, (n + 1) * size));
    return psnr(original, shown, { dataRange: 2 });
  });
  console.log(`${name}: ${decibels.map((db) => db.toFixed(1)).join(', ')} dB`);
}
