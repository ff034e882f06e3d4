import { CheckpointError } from '@vqkit/checkpoint';
import { count, problemOf } from '@vqkit/schema';
import type { ImageTokenizerConfig } from '@vqkit/tokenizer';
import { z } from 'zod';

/**
 * Of the checkpoints before {@link CHECKSUM}s. Their optimizer counted one t for all parameters, which says nothing about those that had no
 * gradient at some step: training cannot go on from them, but their weights are a tokenizer.
 */
export const FIRST_FORMAT = 'vqkit-train-1';

const TRANSFORM = { hidden: [128], activation: 'relu' };

/**
 * Only what the user gave stands in them. These were the quantizers and the defaults; they stay, whatever today's registry and recipes are.
 */
const RECIPES = {
  lfq: () => ({ codebookSize: 256, spherical: true, entropyLossWeight: 0.02 }),
  fsq: () => ({ levels: [8, 6, 5] }),
  simvq: (dim: number) => ({ dim, codebookSize: 256, codebookTransform: TRANSFORM, rotationTrick: true }),
  vq: (dim: number) => ({ dim, codebookSize: 256, commitmentWeight: 1, kmeansInit: true, thresholdEmaDeadCode: 2 }),
  'residual-lfq': () => ({
    codebookSize: 256,
    entropyLossWeight: 0.02,
    commitmentLossWeight: 0.25,
    numQuantizers: 4,
  }),
  'residual-fsq': () => ({ levels: [8, 6, 5], numQuantizers: 4 }),
  'residual-simvq': (dim: number) => ({ dim, codebookSize: 256, codebookTransform: TRANSFORM, numQuantizers: 4 }),
  'residual-vq': (dim: number) => ({
    dim,
    codebookSize: 256,
    commitmentWeight: 10,
    kmeansInit: true,
    thresholdEmaDeadCode: 2,
    numQuantizers: 4,
  }),
};

const NORM_GROUPS: Partial<Record<keyof typeof RECIPES, number>> = { lfq: 4, 'residual-lfq': 4 };

const given = z.strictObject({
  quantizer: z.enum(Object.keys(RECIPES) as (keyof typeof RECIPES)[]),
  quantizerOptions: z.record(z.string(), z.unknown()),
  widths: z.array(count(1)).min(1).max(16),
  normGroups: count(0).optional(),
  channels: count(1),
  imageSize: z.tuple([count(1), count(1)]).optional(),
  seed: count(0),
});

/**
 * The whole description of the tokenizer in such a checkpoint: the one that `vqkit export` of its version wrote.
 * @throws CheckpointError when the note is not what was given of a tokenizer.
 */
export function completeDescription(path: string, note: unknown): ImageTokenizerConfig {
  const { data, error } = given.safeParse(note);
  if (error !== undefined) {
    const { path: at, rule, value } = problemOf(error, note);
    const argument = `the model${at === '' ? '' : `'s ${at}`}`;
    throw new CheckpointError(`tokenizerOf: ${path}`, argument, rule, value, 'The file is damaged; use another copy.');
  }
  const { quantizer, widths, channels, imageSize, seed } = data;
  const { normGroups = NORM_GROUPS[quantizer] ?? 0 } = data;
  const recipe = RECIPES[quantizer](widths.at(-1) as number);
  return {
    quantizer,
    quantizerOptions: { ...recipe, seed, ...data.quantizerOptions },
    widths,
    normGroups,
    channels,
    ...(imageSize === undefined ? {} : { imageSize }),
    seed,
  };
}
