/** One line of a run's metrics.jsonl. */
export type MetricsRecord = TrainRecord | ValidationRecord;

/** The state of training after one step: every `logEvery` steps, the first and the last. */
export interface TrainRecord {
  readonly kind: 'train';
  /** Steps done, this one included: 1 … config.steps. */
  readonly step: number;
  /** Passes over the training examples, as a fraction: 1.5 is the middle of the second. */
  readonly epoch: number;
  /** What the optimizer minimises: reconstruction + quantizer, and the adversarial part where there is a discriminator. */
  readonly loss: number;
  readonly reconstruction: number;
  /** The weighted loss of the quantizer. */
  readonly quantizer: number;
  /** The quantizer's named parts, unweighted. */
  readonly losses: Readonly<Record<string, number>>;
  /** Of steps in which a discriminator took part. */
  readonly adversarial?: AdversarialRecord | undefined;
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Time spent training so far, validation and checkpoints included; goes on after a resume. */
  readonly elapsedSeconds: number;
}

/** What a discriminator said in a step, and what it counted. */
export interface AdversarialRecord {
  /** Its hinge loss: 1 for one that knows nothing, 0 for one that is never wrong. */
  readonly discriminator: number;
  /** The mean of its scores of reconstructions, negative: what the tokenizer minimises. */
  readonly generator: number;
  /** Difference of its features of originals and reconstructions; 0 where it does not count. */
  readonly features: number;
  /** What generator + featureWeight · features counts in the loss. */
  readonly weight: number;
  /** Global norm of its gradient before clipping. */
  readonly gradientNorm: number;
}

/** The tokenizer on the held-out validation examples, every `validateEvery` steps and at the end. */
export interface ValidationRecord {
  readonly kind: 'validation';
  readonly step: number;
  readonly epoch: number;
  readonly quality: Quality;
  readonly codes: CodeUse;
  readonly elapsedSeconds: number;
}

/** How close reconstructions are to their originals, and whatever else a kind of data measures by name; null where there is no number. */
export interface Quality {
  /** Mean absolute difference. */
  readonly l1: number;
  /** Mean squared difference. */
  readonly mse: number;
  readonly [measure: string]: number | null;
}

/** Of pictures. Outputs are clamped to [-1, 1] first; pixels lie in [-1, 1]. */
export interface ImageQuality extends Quality {
  /** 10 log10(range² / mse) in dB with range = 2 and the mse of the whole set. null for a perfect reconstruction. */
  readonly psnrDb: number | null;
  /** Mean structural similarity, 1 = equal. null for images smaller than its window of 11 pixels. */
  readonly ssim: number | null;
}

/** Of sound. Outputs are clamped to [-1, 1] first. */
export interface AudioQuality extends Quality {
  /** Scale-invariant signal-to-distortion ratio in dB, the mean over the segments that are not silent. null where all are. */
  readonly siSdrDb: number | null;
  /** Mean over the segments of `createMelLoss`. */
  readonly melDistance: number;
  /** Mean over the segments of `createMultiResolutionStftLoss`. */
  readonly stftDistance: number;
  /** Segments of nothing but zeros, which have no SI-SDR. */
  readonly silentSegments: number;
}

/** Of vectors. */
export interface VectorQuality extends Quality {
  /** Mean over all numbers of the squared distance from the mean vector. */
  readonly variance: number;
  /** Σ|x - x̂|² / Σ|x - mean|²: 0 perfect, 1 no better than the mean. null where all rows are equal. */
  readonly error: number | null;
}

/** How the codes were used over a set of examples: all its tokens, in one codebook (with several, the mean over them). */
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
  /** The same over the variance of the latents, Σ|r|² / Σ|z - mean|². Missing where the layers look at something else than the latents. */
  readonly errorOfVariance?: number | undefined;
}

/** How often each code occurs in the test set: only the codes that do, in the order of their indices. */
export interface CodeHistogram {
  readonly codebookSize: number;
  readonly codes: readonly number[];
  readonly counts: readonly number[];
}
