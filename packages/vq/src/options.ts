import {
  requireBoolean,
  requireFraction,
  requireInteger,
  requireKnownOptions,
  requireNonNegative,
  requireOneOf,
  requireOption,
  requirePositive,
} from '@vqkit/core-tensor/check';
import { requireSchedule, type Schedule } from '@vqkit/core-tensor/schedule';
import type { DataFormat } from '@vqkit/core-tensor/token-options';

/** What is compared; see `createVq`. */
export type VqMetric = 'euclidean' | 'cosine' | 'dot';

/** The options that decide what is a code. */
export interface VqCodeOptions {
  /** Size of the feature axis. */
  readonly dim: number;
  /** Number of codes K of one codebook, from 1 to 2^24. */
  readonly codebookSize: number;
  /** Features d of a code. Default `dim`, for every head; linear projections are added when heads · d differs from dim. */
  readonly codebookDim?: number;
  /** Codes per token: the features are split between them in order. Default 1. */
  readonly heads?: number;
  /** A codebook for each head; false: one for all. Default false. */
  readonly separateCodebookPerHead?: boolean;
  /** Compares directions: tokens and codes have length 1. Default false: Euclidean distance. */
  readonly useCosineSim?: boolean;
  /**
   * What is compared, where codes keep the lengths that they have: distances, directions (the Descript Audio Codec), or products, of which the
   * largest is chosen (IBQ). Default `euclidean`.
   */
  readonly metric?: VqMetric;
  /** Default `channelsLast`. */
  readonly dataFormat?: DataFormat;
}

export interface VqOptions extends VqCodeOptions {
  /**
   * Has no effect: the code is always the one that float64 finds. Files and configurations of before hold it, so it is taken. Default false.
   * @deprecated Leave it out.
   */
  readonly exact?: boolean;
  /** Trains the codes by gradient instead of by moving averages. Default false. */
  readonly learnableCodebook?: boolean;
  /** Never changes the codes. Default false. */
  readonly freezeCodebook?: boolean;
  /** γ: share of the old statistics that one step keeps, 0 to 1. Default 0.8. */
  readonly decay?: number;
  /** ε of the Laplace smoothing of cluster sizes, >= 0. Default 0: none; the reference library has 1e-5. */
  readonly eps?: number;
  /** Places the codes by k-means on the first tokens of training. Default false: uniformly at random near 0. */
  readonly kmeansInit?: boolean;
  /**
   * Where k-means begins: `kmeans++`, or `directions`, near the mean of all tokens in the directions of tokens drawn at random. In many features, as embeddings have,
   * that gives clusters of like sizes, and takes no K steps one after the other. With cosine similarity the tokens themselves. Default `kmeans++`.
   */
  readonly kmeansSeeding?: 'kmeans++' | 'directions';
  /** Lloyd iterations after the seeding, >= 1. Default 10. */
  readonly kmeansIters?: number;
  /** k-means starts anew in each training step, on all tokens so far, until it has so many of them for each code; > 0. Default 1. */
  readonly kmeansTokensPerCode?: number;
  /** A code whose moving cluster size falls below it is replaced by a token of the batch. Default 0: never. */
  readonly thresholdEmaDeadCode?: number;
  /** Cluster size that a replaced code starts with, > 0. Default `thresholdEmaDeadCode`. */
  readonly resetClusterSize?: number;
  /** Gradient by the rotation trick; false: straight-through. Default true, but false for one feature and for sampled codes. */
  readonly rotationTrick?: boolean;
  /** Bound of the rotation's scale |q| / |x|. Default 100. */
  readonly rotationMaxScale?: number;
  /** Weight of mse(x, sg q), the pull of tokens to their codes. Default 1. */
  readonly commitmentWeight?: number;
  /** Takes the cross-entropy of the chosen codes under softmax(-|x - c|) in place of mse(x, sg q). Default false. */
  readonly commitmentUseCrossEntropyLoss?: boolean;
  /** Weight of mse(sg x, q), the pull of learnable codes to their tokens. Default 1. */
  readonly codebookWeight?: number;
  /** Weight of the codes' squared cosines with each other. Default 0. */
  readonly orthogonalRegWeight?: number;
  /** Takes only the codes that the batch uses into that term. Default false. */
  readonly orthogonalRegActiveCodesOnly?: boolean;
  /** Takes at most so many codes, drawn anew in each call, into that term. Default null: all. */
  readonly orthogonalRegMaxCodes?: number | null;
  /** Draws codes with probability softmax(-|x - c| / T) when training, instead of taking the nearest. Default false. */
  readonly stochasticSampleCodes?: boolean;
  /** T, > 0, or a schedule over `step`. Default 1. */
  readonly sampleCodebookTemp?: Schedule;
  /** Seed of codebook, projections, k-means, replaced and sampled codes. Default 0. */
  readonly seed?: number;
}

/** {@link VqOptions} with every default filled in: plain data. */
export type VqConfig = Required<VqOptions>;

/** Every option of VQ, by its name. */
const OPTIONS = [
  'dim',
  'codebookSize',
  'codebookDim',
  'heads',
  'separateCodebookPerHead',
  'useCosineSim',
  'metric',
  'exact',
  'dataFormat',
  'learnableCodebook',
  'freezeCodebook',
  'decay',
  'eps',
  'kmeansInit',
  'kmeansSeeding',
  'kmeansIters',
  'kmeansTokensPerCode',
  'thresholdEmaDeadCode',
  'resetClusterSize',
  'rotationTrick',
  'rotationMaxScale',
  'commitmentWeight',
  'commitmentUseCrossEntropyLoss',
  'codebookWeight',
  'orthogonalRegWeight',
  'orthogonalRegActiveCodesOnly',
  'orthogonalRegMaxCodes',
  'stochasticSampleCodes',
  'sampleCodebookTemp',
  'seed',
] as const;

export const WHERE = 'createVq';

/**
 * With cosine similarity: how far the squared length of a code that is loaded may be from 1 to stay as it is. Twice what training lets stay, because
 * another engine, and a codec in float64, adds the squares up with other roundings.
 */
export const LOADED_UNIT = 2e-6;

/** Checks every option and fills in the defaults. */
export function resolve(options: VqOptions): VqConfig {
  const codes = resolveCodes(WHERE, options);
  const { exact = false } = options;
  requireBoolean(WHERE, 'exact', exact);
  for (const name of ['stochasticSampleCodes', 'commitmentUseCrossEntropyLoss'] as const) {
    const agrees = codes.metric === 'euclidean' || options[name] !== true;
    requireOption(agrees, WHERE, 'metric', `'euclidean' with ${name}`, codes.metric, 'Leave one of the two out.');
  }
  return { ...codes, exact, ...learning(options), ...loss(options), ...gradient(options, codes) };
}

/**
 * Checks what decides what is a code, and no more: what a codec needs.
 *
 * @param where the function that was called, for errors.
 */
export function resolveCodes(where: string, options: VqCodeOptions): Required<VqCodeOptions> {
  requireKnownOptions(where, options, OPTIONS);
  const { dim, codebookSize, heads = 1, separateCodebookPerHead = false, useCosineSim = false } = options;
  const { metric = 'euclidean' } = options;
  requireInteger(where, 'dim', dim, 1);
  requireInteger(where, 'codebookSize', codebookSize, 1, 2 ** 24);
  requireInteger(where, 'heads', heads, 1);
  const { codebookDim = dim, dataFormat = 'channelsLast' } = options;
  requireInteger(where, 'codebookDim', codebookDim, 1);
  requireBoolean(where, 'separateCodebookPerHead', separateCodebookPerHead);
  requireBoolean(where, 'useCosineSim', useCosineSim);
  requireOneOf(where, 'metric', metric, ['euclidean', 'cosine', 'dot']);
  const fix = 'Leave one of the two out.';
  requireOption(!useCosineSim || metric === 'euclidean', where, 'metric', 'left out with useCosineSim', metric, fix);
  requireOneOf(where, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  return { dim, codebookSize, codebookDim, heads, separateCodebookPerHead, useCosineSim, metric, dataFormat };
}

type LearningOptions =
  | 'learnableCodebook'
  | 'freezeCodebook'
  | 'decay'
  | 'eps'
  | 'kmeansInit'
  | 'kmeansSeeding'
  | 'kmeansIters'
  | 'kmeansTokensPerCode'
  | 'thresholdEmaDeadCode'
  | 'resetClusterSize'
  | 'seed';

/** How codes move. */
function learning(options: VqOptions): Pick<VqConfig, LearningOptions> {
  const { learnableCodebook = false, freezeCodebook = false, decay = 0.8, eps = 0 } = options;
  requireBoolean(WHERE, 'learnableCodebook', learnableCodebook);
  requireBoolean(WHERE, 'freezeCodebook', freezeCodebook);
  requireFraction(WHERE, 'decay', decay);
  requireNonNegative(WHERE, 'eps', eps);
  const { kmeansInit = false, kmeansSeeding = 'kmeans++', kmeansIters = 10, kmeansTokensPerCode = 1 } = options;
  requireBoolean(WHERE, 'kmeansInit', kmeansInit);
  requireOneOf(WHERE, 'kmeansSeeding', kmeansSeeding, ['kmeans++', 'directions']);
  requireInteger(WHERE, 'kmeansIters', kmeansIters, 1);
  requirePositive(WHERE, 'kmeansTokensPerCode', kmeansTokensPerCode);
  const { thresholdEmaDeadCode = 0, seed = 0 } = options;
  requireNonNegative(WHERE, 'thresholdEmaDeadCode', thresholdEmaDeadCode);
  const { resetClusterSize = thresholdEmaDeadCode > 0 ? thresholdEmaDeadCode : 1 } = options;
  requirePositive(WHERE, 'resetClusterSize', resetClusterSize);
  requireOption(
    resetClusterSize >= thresholdEmaDeadCode,
    WHERE,
    'resetClusterSize',
    `at least thresholdEmaDeadCode, ${thresholdEmaDeadCode}`,
    resetClusterSize,
    'Leave it out: a smaller one would be dead again at once.',
  );
  requireInteger(WHERE, 'seed', seed, 0, 2 ** 32 - 1);
  return {
    learnableCodebook,
    freezeCodebook,
    decay,
    eps,
    kmeansInit,
    kmeansSeeding,
    kmeansIters,
    kmeansTokensPerCode,
    thresholdEmaDeadCode,
    resetClusterSize,
    seed,
  };
}

type LossOptions =
  | 'commitmentWeight'
  | 'commitmentUseCrossEntropyLoss'
  | 'codebookWeight'
  | 'orthogonalRegWeight'
  | 'orthogonalRegActiveCodesOnly'
  | 'orthogonalRegMaxCodes';

/** What is minimised. */
function loss(options: VqOptions): Pick<VqConfig, LossOptions> {
  const { commitmentWeight = 1, commitmentUseCrossEntropyLoss = false, codebookWeight = 1 } = options;
  requireNonNegative(WHERE, 'commitmentWeight', commitmentWeight);
  requireBoolean(WHERE, 'commitmentUseCrossEntropyLoss', commitmentUseCrossEntropyLoss);
  requireNonNegative(WHERE, 'codebookWeight', codebookWeight);
  const { orthogonalRegWeight = 0, orthogonalRegActiveCodesOnly = false, orthogonalRegMaxCodes = null } = options;
  requireNonNegative(WHERE, 'orthogonalRegWeight', orthogonalRegWeight);
  requireBoolean(WHERE, 'orthogonalRegActiveCodesOnly', orthogonalRegActiveCodesOnly);
  if (orthogonalRegMaxCodes !== null) requireInteger(WHERE, 'orthogonalRegMaxCodes', orthogonalRegMaxCodes, 1);
  return {
    commitmentWeight,
    commitmentUseCrossEntropyLoss,
    codebookWeight,
    orthogonalRegWeight,
    orthogonalRegActiveCodesOnly,
    orthogonalRegMaxCodes,
  };
}

type GradientOptions = 'rotationTrick' | 'rotationMaxScale' | 'stochasticSampleCodes' | 'sampleCodebookTemp';

/** How the gradient passes to the tokens. */
function gradient(options: VqOptions, { codebookDim }: Pick<VqConfig, 'codebookDim'>): Pick<VqConfig, GradientOptions> {
  const { stochasticSampleCodes = false, sampleCodebookTemp = 1 } = options;
  requireBoolean(WHERE, 'stochasticSampleCodes', stochasticSampleCodes);
  requireSchedule(WHERE, 'sampleCodebookTemp', sampleCodebookTemp);
  const { rotationTrick = codebookDim > 1 && !stochasticSampleCodes, rotationMaxScale = 100 } = options;
  requireBoolean(WHERE, 'rotationTrick', rotationTrick);
  requireOption(
    !(rotationTrick && stochasticSampleCodes),
    WHERE,
    'rotationTrick',
    'false with stochasticSampleCodes',
    rotationTrick,
    'A drawn code may lie anywhere from its token, and rotating the gradient by such an angle, scaled by |q| / |x|, makes training diverge. Leave rotationTrick out for straight-through.',
  );
  requirePositive(WHERE, 'rotationMaxScale', rotationMaxScale);
  return { rotationTrick, rotationMaxScale, stochasticSampleCodes, sampleCodebookTemp };
}
