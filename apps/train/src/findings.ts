import { normalize } from 'node:path';
import type { Diagnosis } from '@vqkit/metrics';
import { quantizerEntry, stackOf } from '@vqkit/quantizers';
import type { CodeUse, MetricsRecord } from '@vqkit/training';
import type { Finding, ImagePairs } from './report-data.ts';
import { shellWord } from './shell-word.ts';
import type { TrainConfig } from './train-options.ts';

/** A gain in PSNR over the last fifth of a training that says that it was not done: as much again is worth the time. A choice, not a measurement. */
const STILL_IMPROVING_DB = 0.15;
/** Used codes over those that as many uniform draws would use; the diagnosis calls less than 0.2 a collapse. */
const UNDER_USED = { least: 0.2, most: 0.5 };
/** Energy of the edges of the reconstructions over that of the originals: 1 for a copy. The limit is a choice, not a measurement. */
const BLURRED = 0.5;

/** What a run may look at beside the statistics of its tokens. */
export interface FindingFacts {
  readonly config: TrainConfig;
  readonly codes: CodeUse;
  readonly pairs: ImagePairs;
  readonly history: readonly MetricsRecord[];
}

/** The findings of the diagnosis, and what shows in the curves and the pictures, each with the command to type next where there is one. */
export function findingsOf(diagnosis: readonly Diagnosis[], facts: FindingFacts): Finding[] {
  const found: Finding[] = diagnosis.map(({ problem, severity, evidence, remedy }) => ({
    name: problem,
    severity,
    message: evidence,
    remedy,
    ...command(nextCommand(problem, facts)),
  }));
  const collapsed = found.some(({ name }) => name === 'collapse');
  const further = [stillImproving(facts), collapsed ? undefined : underUsed(facts), blurred(facts)];
  return [...found, ...further.filter((finding) => finding !== undefined)];
}

/** A new run with the configuration of this one and further flags. */
function again({ outDir: given }: TrainConfig, name: string, flags: string): string {
  const outDir = normalize(given).replace(/(?<=.)\/+$/, '');
  return `vqkit train --config ${shellWord(`${outDir}/config.json`)} ${flags} --out-dir ${shellWord(`${outDir}-${name}`)}`;
}

function nextCommand(problem: Diagnosis['problem'], { config }: FindingFacts): string | undefined {
  const { quantizer, batchSize } = config;
  const next = quantizerEntry(quantizer).nextRuns[problem];
  if (next !== undefined) return again(config, next.name, next.flags);
  switch (problem) {
    case 'collapse':
      return again(config, 'warmup', `--warmup-steps ${Math.max(1, Math.round(config.steps / 20))}`);
    case 'over-rotation':
      return again(config, 'straight-through', '--no-rotation');
    case 'batch too small':
      return again(config, 'batch', `--batch-size ${4 * batchSize}`);
    default:
      return undefined;
  }
}

function stillImproving({ config, history }: FindingFacts): Finding | undefined {
  const points = history.flatMap((record) =>
    record.kind === 'validation' && record.quality.psnrDb !== null
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
    command: `vqkit train --resume ${shellWord(config.outDir)} --steps ${2 * config.steps}`,
  };
}

function underUsed({ config, codes }: FindingFacts): Finding | undefined {
  const share = codes.statistics.utilizationOfExpected;
  if (share === undefined || share < UNDER_USED.least || share >= UNDER_USED.most) return undefined;
  const sized = 'codebookSize' in quantizerEntry(config.quantizer).flags;
  const half = Math.max(2, Math.floor(codes.codebookSize / 2));
  const command = sized
    ? again(config, 'smaller', `--codebook-size ${half}${boundWidth(config, half)}`)
    : again(config, 'long', `--steps ${2 * config.steps}`);
  return {
    name: 'under-used',
    severity: 'warning',
    message: `${Math.round(codes.used)} of ${codes.codebookSize} codes are used, ${(100 * share).toFixed(0)} % of those that as many uniform draws would use.`,
    remedy: sized
      ? 'Take fewer codes, which the same pictures then need fewer bits for, or train longer.'
      : 'Train longer, or take fewer levels: the same pictures need fewer bits.',
    command,
  };
}

/** Of latents that are the code's bits themselves: their number stands in config.json beside the number of codes. */
function boundWidth({ quantizerOptions: { dim, hasProjections, numCodebooks } }: TrainConfig, codes: number): string {
  const isBound = hasProjections === false && typeof dim === 'number' && typeof numCodebooks === 'number';
  return isBound ? ` --dim ${Math.log2(codes) * numCodebooks}` : '';
}

function blurred({ config, pairs }: FindingFacts): Finding | undefined {
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
            `vqkit train${dataFlags(config)} --quantizer ${stack} --steps ${config.steps} --out-dir ${shellWord(`${config.outDir}-${stack}`)}`,
    ),
  };
}

/** Another quantizer does not take the options of this one: only the data are the same. */
function dataFlags({ dataPath, imageSize, data }: TrainConfig): string {
  const size = data === 'folder' && imageSize !== undefined ? ` --image-size ${imageSize}` : '';
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

function command(text: string | undefined): { command?: string } {
  return text === undefined ? {} : { command: text };
}
