// The recordings that the report of a run on sound plays, as pictures: the spectrogram of each above that of its reconstruction, at most three seconds, 16 levels of grey, so that ten
// take some hundred kilobytes. Prints a row for each: SI-SDR, and by how many decibels the two differ on average where the original is above -56 dB, in thirds of the frequencies.
// On the built packages: node bench/spectrograms.mjs RUN FOLDER
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const [run = '', out = ''] = process.argv.slice(2);
const { audio } = JSON.parse(await readFile(join(run, 'report-data.json'), 'utf8'));
await mkdir(out, { recursive: true });

const SECONDS = 3;
const GAP = 4;
/** Decibels from black to white in the report. */
const RANGE_DB = 70;
const AUDIBLE = 51;
const BANDS = 3;

/** @param {string} picture */
async function greyOf(picture) {
  const { data, info } = await sharp(Buffer.from(picture, 'base64'))
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Samples from one column to the next: as listen.ts has it. */
const hop = 2 ** Math.round(Math.log2(audio.sampleRate / 32)) / 4;
const most = Math.round((SECONDS * audio.sampleRate) / hop);
console.log(
  '| recording | SI-SDR, dB | difference below a third, dB | below two thirds, dB | above, dB |\n| --- | --- | --- | --- | --- |',
);
for (const [i, { name, siSdrDb, originalPicture, reconstructionPicture }] of audio.clips.entries()) {
  const [above, below] = await Promise.all([originalPicture, reconstructionPicture].map(greyOf));
  const [width, height] = [Math.min(most, above.width), above.height];
  const whole = Buffer.alloc(width * (2 * height + GAP), 255);
  const sums = Array.from({ length: BANDS }, () => [0, 0]);
  for (let y = 0; y < height; y++) {
    const band = BANDS - 1 - Math.floor((y * BANDS) / height);
    for (let x = 0; x < width; x++) {
      const [a, b] = [above.data[y * above.width + x], below.data[y * below.width + x]];
      whole[y * width + x] = a;
      whole[(y + height + GAP) * width + x] = b;
      if (a > AUDIBLE) sums[band] = [sums[band][0] + (Math.abs(a - b) * RANGE_DB) / 255, sums[band][1] + 1];
    }
  }
  const file = `${String(i + 1).padStart(2, '0')}.png`;
  const raw = { width, height: 2 * height + GAP, channels: /** @type {const} */ (1) };
  await sharp(whole, { raw }).png({ palette: true, colours: 16, compressionLevel: 9 }).toFile(join(out, file));
  const differences = sums.map(([sum, count]) => (count === 0 ? '–' : (sum / count).toFixed(1)));
  console.log(`| ${name} | ${siSdrDb === null ? '–' : siSdrDb.toFixed(1)} | ${differences.join(' | ')} |`);
}
