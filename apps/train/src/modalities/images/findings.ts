import { arePictures } from '@vqkit/data/node';
import { quantizerEntry, stackOf } from '@vqkit/quantizers';
import type { FindingFacts } from '../../modality.ts';
import { again, command, trainOn } from '../../next-command.ts';
import type { Finding, ImagePairs } from '../../report-data.ts';
import { shellWord } from '../../shell-word.ts';
import type { ImageConfig } from '../../train-options.ts';

/** A gain in PSNR over the last fifth of a training that says that it was not done: as much again is worth the time. A choice, not a measurement. */
const STILL_IMPROVING_DB = 0.15;
/** Energy of the edges of the reconstructions over that of the originals: 1 for a copy. The limit is a choice, not a measurement. */
const BLURRED = 0.5;

export function stillImproving({ config, history }: FindingFacts): Finding | undefined {
  const points = history.flatMap((record) =>
    record.kind === 'validation' && typeof record.quality.psnrDb === 'number'
      ? [{ step: record.step, psnr: record.quality.psnrDb }]
      : [],
  );
  const last = points.at(-1);
  const before = points.findLast(({ step }) => step <= 0.8 * config.steps);
  if (last === undefined || before === undefined || before.step === 0) return undefined;
  const gain = last.psnr - before.psnr;
  if (gain < STILL_IMPROVING_DB) return undefined;
  return {
    name: 'still improving',
    severity: 'warning',
    message: `Validation PSNR rose by ${gain.toFixed(2)} dB from step ${before.step} to the last, ${last.step}: training was not done.`,
    remedy: 'Train on for as long again.',
    command: trainOn(config),
  };
}

export function worseThanPlain({ config, quality, plain }: FindingFacts): Finding | undefined {
  const [own, other] = [quality.psnrDb, plain?.psnrDb];
  if (typeof own !== 'number' || typeof other !== 'number' || own >= other) return undefined;
  return {
    name: 'worse than shrinking',
    severity: 'warning',
    message: `Images that are shrunk to a pixel per token in as many bits and enlarged again have a PSNR of ${other.toFixed(2)} dB, the tokenizer ${own.toFixed(2)} dB: it is not worth its bits yet.`,
    remedy: 'Train longer, or a larger network (preset photos).',
    command: trainOn(config),
  };
}

export function blurred({ config, shown: { images: pairs } }: FindingFacts): Finding | undefined {
  if (pairs === undefined) return undefined;
  const original = edgeEnergy(pairs, pairs.originals);
  const share = edgeEnergy(pairs, pairs.reconstructions) / original;
  if (!(original > 0) || !(share < BLURRED)) return undefined;
  const layered = quantizerEntry(config.quantizer).layer !== undefined;
  const stack = stackOf(config.quantizer)?.name;
  return {
    name: 'blurred',
    severity: 'warning',
    message: `Reconstructions have ${(100 * share).toFixed(0)} % of the edge energy of their originals (limit ${100 * BLURRED} %): detail is lost.`,
    remedy: layered
      ? 'Give a token more bits (more layers), or an image more tokens (fewer widths), and train longer.'
      : 'Give a token more bits (a stack of layers, a larger codebook), or an image more tokens (fewer widths), and train longer.',
    ...command(
      layered
        ? again(config, 'layers', '--set quantizerOptions.numQuantizers=8')
        : stack &&
            `vqkit train${dataFlags(config as ImageConfig)} --quantizer ${stack} --steps ${config.steps} --out-dir ${shellWord(`${config.outDir}-${stack}`)}`,
    ),
  };
}

/** Another quantizer does not take the options of this one: only the data are the same. */
function dataFlags({ dataPath, imageSize, data }: ImageConfig): string {
  const size = arePictures(data) && imageSize !== undefined ? ` --image-size ${String(imageSize)}` : '';
  return dataPath === undefined ? '' : ` --data-path ${shellWord(dataPath)}${size}`;
}

/** Mean squared difference of neighbouring pixels. */
function edgeEnergy({ count, height, width, channels }: ImagePairs, pixels: readonly number[]): number {
  let sum = 0;
  let terms = 0;
  for (let i = 0; i < count * height; i++) {
    for (let j = channels; j < width * channels; j++) {
      const at = i * width * channels + j;
      sum += ((pixels[at] as number) - (pixels[at - channels] as number)) ** 2;
      terms++;
    }
  }
  return terms === 0 ? 0 : sum / terms;
}
