import {
  add,
  cast,
  clipByValue,
  less,
  matMul,
  mul,
  reshape,
  type Tensor1D,
  type Tensor2D,
  tensor,
  tensor1d,
  transpose,
} from '@tensorflow/tfjs-core';
import {
  createLinear,
  createParameterSet,
  createQuantizer,
  createRng,
  type DataFormat,
  fsqCodes,
  fsqQuantize,
  mixedRadixDigits,
  ownedVariable,
  type Parameter,
  type Quantizer,
  randomOrthogonal,
  requireBoolean,
  requireFraction,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  requireOption,
  show,
} from '@vqkit/core-tensor';
import { fsqAttrs } from './levels.ts';

const WHERE = 'createFsq';

export interface FsqOptions {
  /** Levels L_i of each code dimension, integers >= 2; K = Π L_i <= 2^31 - 1. A level of 2 needs `preserveSymmetry`. */
  readonly levels: readonly number[];
  /** Size of the feature axis. Default `levels.length · numCodebooks`; linear projections are added when it differs. */
  readonly dim?: number;
  /** Codebooks per token. Default 1. */
  readonly numCodebooks?: number;
  /** Keeps the trailing codebook axis of the indices. Default `numCodebooks > 1`. */
  readonly keepNumCodebooksDim?: boolean;
  /** Default `channelsLast`. */
  readonly dataFormat?: DataFormat;
  /** Bias in the projections. Default true. */
  readonly projectionHasBias?: boolean;
  /** Evenly spaced codes in [-1, 1] (arXiv:2411.19842) instead of the FSQ paper's quantizer. Default false. */
  readonly preserveSymmetry?: boolean;
  /** Clamps to [-1, 1] in place of tanh. Default false. */
  readonly boundHardClamp?: boolean;
  /** Probability that an element gets noise of up to half a level step while training; needs `preserveSymmetry`. Default 0. */
  readonly noiseDropout?: number;
  /** A fixed random rotation before quantizing, undone after. Default false. */
  readonly orthogonalRotation?: boolean;
  /** Seed of the projections, the rotation and the noise. Default 0. */
  readonly seed?: number;
}

/** {@link FsqOptions} with every default filled in. */
export type FsqConfig = Required<FsqOptions>;

export type Fsq = Quantizer<FsqConfig, never>;

const OPTIONS = [
  'levels',
  'dim',
  'numCodebooks',
  'keepNumCodebooksDim',
  'dataFormat',
  'projectionHasBias',
  'preserveSymmetry',
  'boundHardClamp',
  'noiseDropout',
  'orthogonalRotation',
  'seed',
] as const;

/**
 * Finite scalar quantization: every feature is bounded, then rounded to one of L levels; the code is the tuple of levels.
 *
 * `q_i = round(bound(z_i))`, `index = Σ_i level_i · Π_{j<i} L_j`: feature 0 is the LEAST significant digit. There is no codebook
 * to learn and no loss; K = Π L_i.
 *
 * - Shapes: z is [batch, …, dim] (any rank >= 2, `dataFormat` places the feature axis); indices are int32 [batch, …] with a
 *   trailing axis when there are several codebooks.
 * - Range: codes lie in [-1, 1].
 * - Gradient: that of the bounding function; rounding is straight-through.
 * - Ties: a threshold itself belongs to the upper level. NaN gives level 0 and a NaN gradient; ±Infinity give the outer levels.
 * - Out-of-range indices in `decode` give NaN, -1 gives zeros.
 *
 * Differs from vector-quantize-pytorch: levels are defined by thresholds, so ids agree on every engine (its float32 chain differs
 * at up to 6 float32 values per threshold); indices are exact integers up to 2^31 - 1; noise is half a level step instead of
 * ±0.5; bad options throw; the layout is never guessed.
 *
 * Source: Mentzer, Minnen, Agustsson, Tschannen, "Finite Scalar Quantization: VQ-VAE Made Simple", arXiv:2309.15505; symmetric
 * form and noise: Parker et al., "Scaling Transformers for Low-Bitrate High-Quality Speech Coding", arXiv:2411.19842.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const fsq = createFsq({ levels: [8, 5, 5, 5] });
 * const z = tf.randomNormal([2, 16, 4]);
 * const { quantized, indices } = fsq.quantize(z);   // [2, 16, 4] and int32 [2, 16]
 * const codes = fsq.decode(fsq.encode(z));          // equals quantized bit for bit
 */
export function createFsq(options: FsqOptions): Fsq {
  const config = resolve(options);
  const { levels, dim, numCodebooks, preserveSymmetry, noiseDropout } = config;
  const codeDim = levels.length;
  const innerDim = codeDim * numCodebooks;
  const attrs = fsqAttrs(levels, config);
  const rng = createRng(config.seed);

  const parameters: Parameter[] = [];
  const projects = dim !== innerDim;
  const projectIn = projects
    ? createLinear({ name: 'project_in', inputDim: dim, outputDim: innerDim, bias: config.projectionHasBias, rng })
    : undefined;
  const projectOut = projects
    ? createLinear({ name: 'project_out', inputDim: innerDim, outputDim: dim, bias: config.projectionHasBias, rng })
    : undefined;
  parameters.push(...(projectIn?.parameters ?? []), ...(projectOut?.parameters ?? []));
  const rotation = config.orthogonalRotation
    ? ownedVariable(randomOrthogonal(rng, codeDim), [codeDim, codeDim], false)
    : undefined;
  if (rotation !== undefined) parameters.push({ name: 'orthogonal_rot', variable: rotation, trainable: false });

  /** [N, dim] → the rows that are quantized, [N · numCodebooks, codeDim]. */
  const toRows = (tokens: Tensor2D): Tensor2D => {
    const rows = reshape(projectIn?.apply(tokens) ?? tokens, [-1, codeDim]) as Tensor2D;
    return rotation === undefined ? rows : matMul(rows, rotation as unknown as Tensor2D);
  };
  const fromRows = (codes: Tensor2D): Tensor2D => {
    const unrotated = rotation === undefined ? codes : matMul(codes, transpose(rotation as unknown as Tensor2D));
    const merged = reshape(unrotated, [-1, innerDim]) as Tensor2D;
    return projectOut?.apply(merged) ?? merged;
  };
  const perToken = (indices: Tensor1D): Tensor2D => reshape(indices, [-1, numCodebooks]) as Tensor2D;

  /** Uniform noise of up to half a level step on a random share of the codes, kept within [-1, 1]. */
  const withNoise = (codes: Tensor2D): Tensor2D => {
    const [n] = codes.shape;
    const noise = tensor(rng.uniformArray(n * codeDim, -0.5, 0.5), [n, codeDim]);
    const chosen = cast(less(tensor(rng.uniformArray(n * codeDim, 0, 1), [n, codeDim]), noiseDropout), 'float32');
    return clipByValue(add(codes, mul(mul(noise, chosen), tensor1d([...attrs.steps]))), -1, 1);
  };

  return createQuantizer<FsqConfig, never>({
    kind: 'FSQ',
    where: WHERE,
    config,
    dim,
    codebookSize: levels.reduce((product, level) => product * level, 1),
    numCodebooks,
    keepNumCodebooksDim: config.keepNumCodebooksDim,
    dataFormat: config.dataFormat,
    rng,
    lossNames: [],
    parameters: createParameterSet(WHERE, parameters),

    quantizeTokens(tokens, { training }) {
      const [codes, indices] = fsqQuantize({ z: toRows(tokens) }, attrs);
      const emitted = training && preserveSymmetry && noiseDropout > 0 ? withNoise(codes) : codes;
      return { quantized: fromRows(emitted), indices: perToken(indices) };
    },
    encodeTokens: (tokens) => perToken(fsqQuantize({ z: toRows(tokens) }, attrs)[1]),
    decodeTokens: (indices) => fromRows(fsqCodes(mixedRadixDigits(reshape(indices, [-1]) as Tensor1D, levels), attrs)),
  });
}

function resolve(options: FsqOptions): FsqConfig {
  requireKnownOptions(WHERE, options, OPTIONS);
  const { levels, preserveSymmetry = false, boundHardClamp = false, noiseDropout = 0, numCodebooks = 1 } = options;
  requireOption(
    Array.isArray(levels) && levels.length > 0,
    WHERE,
    'levels',
    'a list of integers >= 2',
    levels,
    'Pass for example [8, 5, 5, 5].',
  );
  requireBoolean(WHERE, 'preserveSymmetry', preserveSymmetry);
  requireBoolean(WHERE, 'boundHardClamp', boundHardClamp);
  levels.forEach((level, i) => {
    requireInteger(WHERE, `levels[${i}]`, level, 2);
    const fix = 'Pass preserveSymmetry: true, or 3 or more levels.';
    requireOption(
      level > 2 || preserveSymmetry,
      WHERE,
      `levels[${i}]`,
      'an integer >= 3 unless preserveSymmetry is on',
      level,
      fix,
    );
  });
  const size = levels.reduce((product, level) => product * level, 1);
  requireOption(
    size <= 2 ** 31 - 1,
    WHERE,
    'the product of levels',
    'at most 2^31 - 1 = 2147483647 (indices are int32)',
    size,
    `Use fewer or smaller levels, or several codebooks, than ${show(levels)}.`,
  );
  requireInteger(WHERE, 'numCodebooks', numCodebooks, 1);
  const {
    keepNumCodebooksDim = numCodebooks > 1,
    dim = levels.length * numCodebooks,
    dataFormat = 'channelsLast',
  } = options;
  requireBoolean(WHERE, 'keepNumCodebooksDim', keepNumCodebooksDim);
  requireOption(
    keepNumCodebooksDim || numCodebooks === 1,
    WHERE,
    'keepNumCodebooksDim',
    'true when there are several codebooks',
    keepNumCodebooksDim,
    'Leave it out.',
  );
  requireInteger(WHERE, 'dim', dim, 1);
  requireOneOf(WHERE, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  requireFraction(WHERE, 'noiseDropout', noiseDropout);
  requireOption(
    noiseDropout === 0 || preserveSymmetry,
    WHERE,
    'noiseDropout',
    '0 unless preserveSymmetry is on',
    noiseDropout,
    'Pass preserveSymmetry: true.',
  );
  const { projectionHasBias = true, orthogonalRotation = false, seed = 0 } = options;
  requireBoolean(WHERE, 'projectionHasBias', projectionHasBias);
  requireBoolean(WHERE, 'orthogonalRotation', orthogonalRotation);
  requireInteger(WHERE, 'seed', seed, 0, 2 ** 32 - 1);
  return {
    levels: [...levels],
    dim,
    numCodebooks,
    keepNumCodebooksDim,
    dataFormat,
    projectionHasBias,
    preserveSymmetry,
    boundHardClamp,
    noiseDropout,
    orthogonalRotation,
    seed,
  };
}
