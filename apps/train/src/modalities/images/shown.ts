import { join } from 'node:path';
import { writeFileAtomic } from '@vqkit/checkpoint/node';
import type { ModalityShown } from '../../modality.ts';
import { fixed } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import { imagePairs, pairsPng, stripPng } from '../../report/pictures.ts';
import { type Run, readRun } from '../../report/read-run.ts';
import { runDot } from '../../report/runs.ts';
import { bitsText, tokensText } from '../../report/tokens.ts';
import type { ImagePairs } from '../../report-data.ts';
import { blurred, stillImproving, worseThanPlain } from './findings.ts';

const PICTURES = 16;

/** Pictures beside each other: L1, PSNR and SSIM. */
export const imagesShown: ModalityShown = {
  noun: 'image',
  text({ test: { quality }, plain }) {
    const beside = plain === undefined ? '' : ` (plain shrinking ${psnrText(plain.psnrDb, 2)})`;
    return `test L1 ${quality.l1.toFixed(4)}, PSNR ${psnrText(quality.psnrDb, 2)}${beside}`;
  },
  progress: ({ psnrDb }) => psnrText(psnrDb, 2),
  headline({ l1, psnrDb }) {
    const psnr = psnrDb === null ? '' : ` and a PSNR of ${fixed(psnrDb, 1)} dB`;
    return `an L1 of ${fixed(l1, 4)}${psnr}`;
  },
  rows: [
    {
      title: 'Test L1',
      hint: 'mean absolute error of a pixel, range [-1, 1]; lower is better',
      cell: ({ data }) => html`${fixed(data.summary.test.quality.l1, 4)}`,
      better: 'lower',
      value: ({ data }) => data.summary.test.quality.l1,
    },
    {
      title: 'PSNR',
      hint: 'higher is better',
      cell: ({ data }) => {
        const { psnrDb } = data.summary.test.quality;
        return psnrDb === null ? html`exact` : html`${fixed(psnrDb, 2)} <small>dB</small>`;
      },
      better: 'higher',
      value: ({ data }) => data.summary.test.quality.psnrDb ?? Number.POSITIVE_INFINITY,
    },
    {
      title: 'PSNR of plain shrinking',
      hint: 'the same images as one pixel per token in as many bits, enlarged bicubically: what a tokenizer must beat',
      cell: ({ data: { summary } }) => html`${psnrText(summary.plain?.psnrDb, 2)}`,
    },
    {
      title: 'SSIM',
      hint: 'structural similarity, 1 is equal',
      cell: ({ data }) => html`${fixed(data.summary.test.quality.ssim, 3)}`,
      better: 'higher',
      value: ({ data }) => data.summary.test.quality.ssim ?? null,
    },
  ],
  curve: {
    title: 'Validation PSNR',
    caption: 'Held-out images; higher is better.',
    unit: 'dB',
    value: ({ psnrDb }) => psnrDb ?? null,
  },
  async examples(runs) {
    const shown = runs.flatMap((run) => (run.data.images === undefined ? [] : [{ ...run, images: run.data.images }]));
    return html`<section><h2>In pictures</h2>
<p class="hint">Test images, and what each run makes of them from its tokens alone.</p>
${await pictureStrips(shown)}</section>`;
  },
  findings: (facts) => [worseThanPlain(facts), stillImproving(facts), blurred(facts)],
  async media(pairs) {
    const png = await pairsPng(imagePairs(pairs));
    // Where a PNG has its size.
    return { pairs: { kind: 'image', png, width: png.readUInt32BE(16), height: png.readUInt32BE(20) } };
  },
  write: writeReconstructions,
};

/** Writes reconstructions.png into a run folder: its test images, each row of originals above the row of reconstructions. */
export async function writeReconstructions(runFolder: string): Promise<void> {
  const { images } = await readRun('writeReconstructions', runFolder);
  if (images !== undefined) await writeFileAtomic(join(runFolder, 'reconstructions.png'), await pairsPng(images));
}

function psnrText(psnrDb: number | null | undefined, decimals: number): string {
  return psnrDb === null ? 'exact' : `${fixed(psnrDb, decimals)} dB`;
}

type PictureRun = Run & { readonly images: ImagePairs };

async function pictureStrips(runs: readonly PictureRun[]): Promise<Html> {
  const [first] = runs;
  const shared = runs.every(({ images }) => sameOriginals(images, first?.images ?? images));
  const strips = await Promise.all(
    runs.map(async (run, i) => {
      const { name, data, images } = run;
      const { l1 } = data.summary.test.quality;
      const originals = i === 0 || !shared ? await strip('Originals', images, 'originals') : undefined;
      const label = html`${runDot(i)}${name} <small>L1 ${fixed(l1, 4)}, ${tokensText(run)} and ${bitsText(run)} bits an image</small>`;
      return html`${originals}${await strip(label, images, 'reconstructions')}`;
    }),
  );
  // A box that is ticked by a click on any picture or by the space bar: the page runs no script.
  return html`<input type="checkbox" class="zoom" id="enlarge"><label class="enlarge" for="enlarge">Enlarge the pictures</label>
<div class="scroll"><div class="strips">${strips}</div></div>`;
}

async function strip(label: Html | string, images: ImagePairs, which: 'originals' | 'reconstructions'): Promise<Html> {
  const count = Math.min(images.count, PICTURES);
  if (count === 0) return html`<p>${label}</p><p class="hint">No images.</p>`;
  const png = await stripPng(images, which, PICTURES);
  const aspect = (count * (images.width + 2)) / images.width;
  const crisp = images.width < 64 ? html` class="pixels"` : '';
  const source = `data:image/png;base64,${png.toString('base64')}`;
  const size = `--least: ${Math.round(44 * aspect)}px; --most: ${Math.round(Math.max(64, images.width) * aspect)}px; --large: ${Math.round(Math.max(180, 2 * images.width) * aspect)}px`;
  return html`<p>${label}</p><label class="strip" for="enlarge" style="${size}"><img${crisp} alt="${count} ${which}" src="${source}"></label>`;
}

function sameOriginals(a: ImagePairs, b: ImagePairs): boolean {
  return (
    a.width === b.width &&
    a.height === b.height &&
    a.channels === b.channels &&
    a.count === b.count &&
    a.originals.every((pixel, i) => pixel === b.originals[i])
  );
}
