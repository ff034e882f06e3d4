import type { EngineName } from '@vqkit/train';
import { z } from 'zod';

/** What decides a training of the recipe, by vqkit or by PyTorch. */
export interface RecipeSettings {
  /** Those that the example of the reference library has. */
  readonly quantizer: 'fsq' | 'simvq' | 'lfq';
  readonly loss: 'mse' | 'l1';
  readonly seed: number;
  readonly steps: number;
  readonly threads: number;
}

/** What the process of a training by vqkit is told. */
export interface WorkerSettings extends RecipeSettings {
  readonly engine: EngineName;
  readonly dataPath: string;
}

export const QUANTIZER_NAMES: readonly RecipeSettings['quantizer'][] = ['fsq', 'simvq', 'lfq'];

/** Steps whose losses are told one by one. */
export const COMPARED_STEPS: number = 100;

/** What came of it, on the whole test set. */
export interface RecipeRun {
  /** The whole loss of the first {@link COMPARED_STEPS} steps, each before its step. */
  readonly losses: readonly number[];
  readonly l1: number;
  /** dB, of the mean squared error over all pixels of all images; null when every image is exact. */
  readonly psnr: number | null;
  readonly usedCodes: number;
  readonly perplexity: number;
  /** Of the whole training, from its first step on. */
  readonly stepsPerSecond: number;
  /** Time that its process had on all cores together. */
  readonly cpuSeconds: number;
  /** Peak of the whole process. */
  readonly peakMiB: number;
}

export const recipeRunSchema: z.ZodType<RecipeRun> = z.object({
  losses: z.array(z.number()),
  l1: z.number(),
  psnr: z.number().nullable(),
  usedCodes: z.number(),
  perplexity: z.number(),
  stepsPerSecond: z.number(),
  cpuSeconds: z.number(),
  peakMiB: z.number(),
});
