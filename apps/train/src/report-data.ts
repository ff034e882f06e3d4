import type { TrainConfig } from './train-options.ts';

/** One line of a run's metrics.jsonl. */
export type MetricsRecord = TrainRecord | ValidationRecord;

/** The state of training after one step: every `logEvery` steps, the first and the last. */
export interface TrainRecord {
  readonly kind: 'train';
  /** Steps done, this one included: 1 … config.steps. */
  readonly step: number;
  /** Passes over the training images, as a fraction: 1.5 is the middle of the second. */
  readonly epoch: number;
  /** What the optimizer minimises: reconstruction + quantizer. */
  readonly loss: number;
  readonly reconstruction: number;
  /** The weighted loss of the quantizer. */
  readonly quantizer: number;
  /** The quantizer's named parts, unweighted. */
  readonly losses: Readonly<Record<string, number>>;
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Time spent training so far, validation and checkpoints included; goes on after a resume. */
  readonly elapsedSeconds: number;
}

/** The autoencoder on the held-out validation images, every `validateEvery` steps and at the end. */
export interface ValidationRecord {
  readonly kind: 'validation';
  readonly step: number;
  readonly epoch: number;
  readonly quality: ImageQuality;
  readonly codes: CodeUse;
  readonly elapsedSeconds: number;
}

/** How close reconstructions are to their originals. Outputs are clamped to [-1, 1] first; pixels lie in [-1, 1]. */
export interface ImageQuality {
  /** Mean absolute difference. */
  readonly l1: number;
  /** Mean squared difference. */
  readonly mse: number;
  /** 10 log10(range² / mse) in dB with range = 2 and the mse of the whole set. null for a perfect reconstruction. */
  readonly psnrDb: number | null;
  /** Mean structural similarity, 1 = equal. null for images smaller than its window of 11 pixels. */
  readonly ssim: number | null;
}

/** How the codes were used over a set of images: all its tokens, in one codebook (with several, the mean over them). */
export interface CodeUse {
  /** Tokens that were counted; each has one index per codebook. */
  readonly tokens: number;
  /** Codes of one codebook. */
  readonly codebookSize: number;
  readonly numCodebooks: number;
  /** Codes that occur at least once. */
  readonly used: number;
  /** used / codebookSize. */
  readonly utilization: number;
  /** exp(entropy of the code histogram); the geometric mean over several codebooks. */
  readonly perplexity: number;
  /** Entropy of the code histogram in bits; the sum over several codebooks. */
  readonly bitsPerToken: number;
  /** The layers of a residual quantizer, coarsest first. */
  readonly layers?: readonly LayerUse[];
  /** Further statistics by name (entropies in nats, dead codes, margins, …), as far as the quantizer has them. */
  readonly statistics: Readonly<Record<string, number>>;
}

/** How one layer of a residual quantizer was used. */
export interface LayerUse {
  readonly codebookSize: number;
  /** Codes that occur at least once. */
  readonly used: number;
  /** used / codebookSize. */
  readonly utilization: number;
  /** exp(entropy of the code histogram). */
  readonly perplexity: number;
  /** Energy of what is left of the latents after this layer, over that of the latents, Σ|r|² / Σ|z|². null where it is not known. */
  readonly error: number | null;
}

/** One thing that the diagnosis found wrong with the run. */
export interface Finding {
  /** Short name, such as `collapse`. */
  readonly name: string;
  readonly severity: 'warning' | 'critical';
  /** What was seen, with the numbers. */
  readonly message: string;
  /** What to try. */
  readonly remedy: string;
  /** What to type next, where one command tries it. */
  readonly command?: string;
}

/** The test at the end of a run: summary.json of the run folder. */
export interface RunSummary {
  readonly quantizer: string;
  readonly data: string;
  readonly seed: number;
  readonly steps: number;
  readonly trainImages: number;
  readonly validationImages: number;
  readonly testImages: number;
  /** Files of an image folder that could not be read and were left out. */
  readonly skippedImages: number;
  readonly parameters: number;
  readonly test: { readonly quality: ImageQuality; readonly codes: CodeUse };
  readonly elapsedSeconds: number;
  /** Training alone, without validation, checkpoints and the test, since the start or the last resume. null without a step. */
  readonly stepsPerSecond: number | null;
  readonly engine: string;
}

/** How often each code occurs in the test set: only the codes that do, in the order of their indices. */
export interface CodeHistogram {
  readonly codebookSize: number;
  readonly codes: readonly number[];
  readonly counts: readonly number[];
}

/** The first test images and their reconstructions: `count` images of height × width × channels, row-major, in [-1, 1]. */
export interface ImagePairs {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly originals: readonly number[];
  readonly reconstructions: readonly number[];
}

/** Everything that the report shows of one run: report-data.json of the run folder. */
export interface ReportData {
  readonly formatVersion: 1;
  readonly config: TrainConfig;
  readonly summary: RunSummary;
  readonly history: readonly MetricsRecord[];
  readonly images: ImagePairs;
  /** One per codebook, over the whole test set. */
  readonly histograms: readonly CodeHistogram[];
  /** Empty when nothing is wrong. */
  readonly diagnosis: readonly Finding[];
}
