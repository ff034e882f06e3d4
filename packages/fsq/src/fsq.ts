import {
  add,
  cast,
  clipByValue,
  less,
  mul,
  reshape,
  type Tensor1D,
  type Tensor2D,
  tanh,
  tensor,
  tensor1d,
  transpose,
} from '@tensorflow/tfjs-core';
import {
  asRows,
  createParameterSet,
  createQuantizer,
  createRng,
  fsqDecode,
  fsqEncode,
  fsqQuantize,
  matMul,
  ownedVariable,
  type Parameter,
  type Quantizer,
  randomOrthogonal,
  sameSpace,
  UnsupportedError,
} from '@vqkit/core-tensor';
import { createLinear } from '@vqkit/nn';
import { fsqAttrs } from './levels.ts';
import { type FsqConfig, type FsqOptions, resolveOptions } from './options.ts';

const WHERE = 'createFsq';

export type Fsq = Quantizer<FsqConfig, never>;

/**
 * Finite scalar quantization: every feature is bounded, then rounded to one of L levels; the code is the tuple of levels.
 *
 * With o = ½ for even L and 0 for odd L, and h and s of {@link FsqBound}, by default h = (L - 1)(1 + 10⁻³)/2 and s = atanh(o/h):
 *
 *     default              level = round(tanh(z + s)·h - o) + ⌊L/2⌋     code = (level - ⌊L/2⌋)/⌊L/2⌋
 *     preserveSymmetry     level = ⌊(L - 1)(tanh z + 1)/2 + ½⌋          code = 2·level/(L - 1) - 1
 *
 * and with `bound: 'hardClamp'` a clamp to [-1, 1] in place of tanh, s = o/h. `index = Σ_i level_i · Π_{j<i} L_j`: feature 0 is the
 * LEAST significant digit (LFQ has the most significant bit first, by default). There is no codebook to learn and no loss; K = Π L_i.
 *
 * - Shapes: z is [batch, …, dim] (any rank >= 2, `dataFormat` places the feature axis); indices are int32 [batch, …] with a
 *   trailing axis when there are several codebooks, which take the features codebook by codebook.
 * - Range: codes lie in [-1, 1]; without `preserveSymmetry` an even L has one code more below 0 than above.
 * - Gradient: that of the bounding function, `(1 - tanh²(z + s))·h/⌊L/2⌋` or `1 - tanh² z`; rounding is straight-through. Noise that
 *   is clipped at ±1 passes none.
 * - Ties: the levels are defined by float32 thresholds ({@link fsqThresholds}), and a threshold itself belongs to the upper level, as
 *   does z = 0 with an even L and `preserveSymmetry`. NaN gives level 0 and a NaN gradient (0 with a hard clamp); ±Infinity
 *   give the outer levels.
 * - Noise (`noiseDropout`, training only): uniform in ± half a level step, on the emitted codes, never on the indices.
 * - Out-of-range indices in `decode` give NaN, -1 gives zeros.
 * - Not idempotent: quantizing a code again bounds it again.
 *
 * Differs from vector-quantize-pytorch: levels are defined by thresholds, so that ids agree on every engine (its float32 chain says
 * otherwise at a few float32 values next to a threshold, counted in the README); indices are exact integers up to 2^31 - 1; noise is half
 * a level step instead of ±0.5; bad options throw; the layout is never guessed; no `scale`, which it never uses.
 *
 * Source: Mentzer, Minnen, Agustsson, Tschannen, "Finite Scalar Quantization: VQ-VAE Made Simple", arXiv:2309.15505, whose own notebook
 * (google-research/fsq) is `bound: 'official'`; S3Tokenizer: Du et al., "CosyVoice 2", arXiv:2412.10117; symmetric
 * form and noise: Parker et al., "Scaling Transformers for Low-Bitrate High-Quality Speech Coding", arXiv:2411.19842.
 *
 * @throws OptionError when an option breaks its rule; UnsupportedError for `bound: 'twice'`.
 * @example
 * const fsq = createFsq({ levels: [8, 5, 5, 5] });
 * const z = tf.randomNormal([2, 16, 4]);
 * const { quantized, indices } = fsq.quantize(z);   // [2, 16, 4] and int32 [2, 16]
 * const codes = fsq.decode(fsq.encode(z));          // equals quantized bit for bit
 */
export function createFsq(options: FsqOptions): Fsq {
  const config = resolveOptions(WHERE, options);
  if (config.bound === 'twice') {
    throw new UnsupportedError(
      WHERE,
      'bound',
      'be one that can be trained',
      'twice',
      'Use createFsqCodec of @vqkit/fsq/codec.',
    );
  }
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
    const rows = asRows(projectIn?.apply(tokens) ?? tokens, codeDim);
    return rotation === undefined ? rows : matMul(rows, rotation as unknown as Tensor2D);
  };
  const fromRows = (codes: Tensor2D): Tensor2D => {
    const unrotated = rotation === undefined ? codes : matMul(codes, transpose(rotation as unknown as Tensor2D));
    const merged = asRows(unrotated, innerDim);
    return projectOut?.apply(merged) ?? merged;
  };
  const perToken = (indices: Tensor1D): Tensor1D | Tensor2D =>
    numCodebooks === 1 ? indices : (reshape(indices, [-1, numCodebooks]) as Tensor2D);

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
    // A clamp to the codes' range changes no distance order, nor does a rotation.
    toCodeSpace: config.bound === 'hardClamp' && preserveSymmetry && !projects ? sameSpace : undefined,

    quantizeTokens(_, { training, output }) {
      const [codes, indices] = fsqQuantize({ z: toRows(output) }, attrs);
      const emitted = training && preserveSymmetry && noiseDropout > 0 ? withNoise(codes) : codes;
      return { quantized: fromRows(emitted), indices: perToken(indices) };
    },
    shareOfLimit(tokens) {
      const shifted = add<Tensor2D>(toRows(tokens), tensor1d([...attrs.shifts]));
      return attrs.hardClamp ? clipByValue(shifted, -1, 1) : tanh(shifted);
    },
    encodeTokens: (tokens) => perToken(fsqEncode({ z: toRows(tokens) }, attrs)[0]),
    decodeTokens: (indices) => fromRows(fsqDecode(reshape(indices, [-1]) as Tensor1D, attrs)),
  });
}
