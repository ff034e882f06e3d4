import { z } from 'zod';

/** A training of arch `seanet`, by vqkit or by its twin in PyTorch. */
export interface SoundSettings {
  readonly quantizer: 'simvq' | 'residual-fsq';
  readonly quantizerOptions: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly steps: number;
  readonly sampleRate: number;
  readonly seconds: number;
  readonly batchSize: number;
  readonly filters: number;
  readonly strides: readonly number[];
  readonly learningRate: number;
  readonly waveWeight: number;
  readonly stftWeight: number;
  readonly melWeight: number;
}

/** What the process of a training is told. */
export interface WorkerSettings extends SoundSettings {
  /** Of recordings. */
  readonly dataPath: string;
  /** Where it leaves what the twin starts from, and finds what the twin made; not used to train. */
  readonly folder: string;
  /** To train, to write what the twin starts from, or to measure what it made. */
  readonly task: 'train' | 'prepare' | 'score';
}

/** What came of it, on segments of recordings that were held out. */
export interface SoundRun {
  /** dB, the mean of the segments that are not silent. */
  readonly siSdrDb: number;
  readonly melDistance: number;
  readonly stftDistance: number;
  /** Of a layer's codes, the mean of the layers. */
  readonly used: number;
  readonly perplexity: number;
  /** Of the latents; the twin does not say. */
  readonly latentRms?: number | undefined;
  /** mse(z, q) of the latents and their codes, the value of SimVQ's commitment loss before its weight; where the method compares them, and not of the twin. */
  readonly commitment?: number | undefined;
  /** Processor time. */
  readonly secondsPerStep: number;
}

export const soundRunSchema: z.ZodType<SoundRun> = z.object({
  siSdrDb: z.number(),
  melDistance: z.number(),
  stftDistance: z.number(),
  used: z.number(),
  perplexity: z.number(),
  latentRms: z.number().optional(),
  commitment: z.number().optional(),
  secondsPerStep: z.number(),
});
