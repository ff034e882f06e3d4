import { clipByValue, div, mul, reshape, type Tensor1D, type Tensor2D, tanh, transpose } from '@tensorflow/tfjs-core';
import {
  asRows,
  createParameterSet,
  createQuantizer,
  createRng,
  matMul,
  ownedVariable,
  type Parameter,
  type QuantizeOptions,
  type Quantizer,
  type Rng,
  randomOrthogonal,
  requirePositive,
  reverseBits,
  sameSpace,
  scheduleAt,
  signCodes,
  signEncode,
  signQuantize,
  straightThrough,
  unitLength,
} from '@vqkit/core-tensor';
import { createLinear } from '@vqkit/nn';
import { type LfqLoss, lfqLoss, lfqLosses, requireLossFits } from './loss.ts';
import { bitsOf, type LfqConfig, type LfqOptions, resolve, type StraightThroughActivation, WHERE } from './options.ts';

export interface LfqQuantizeOptions extends QuantizeOptions {
  /** Inverse temperature τ of this call, > 0, in place of the quantizer's option. */
  readonly invTemperature?: number | undefined;
}

export type Lfq = Quantizer<LfqConfig, LfqLoss, LfqQuantizeOptions>;

const activations: Record<StraightThroughActivation, (x: Tensor2D) => Tensor2D> = {
  identity: (x) => x,
  tanh: (x) => tanh(x),
  hardTanh: (x) => clipByValue(x, -1, 1),
};

/**
 * Lookup-free quantization: the code of x is the sign of each feature, so that d features are a codebook of K = 2^d codes which is
 * never stored, and an entropy loss keeps the codes in use.
 *
 * `q_i = s where x_i > 0, else -s`, `index = Σ_i [x_i > 0] · 2^(d-1-i)`: feature 0 is the MOST significant bit (with
 * `bitOrder: 'lsbFirst'`, as in Open-MAGVIT2 and in FSQ, the LEAST).
 * `loss = entropyLossWeight · (H(c|x) - γ H(c)) + commitmentLossWeight · mean((x - sg q)²) + unitNormLossWeight · mean((x² - s²)²/s²)`
 * with `p(c|x) = softmax(2τ⟨x, c⟩)`, τ = `invTemperature`, γ = `diversityGamma`, s = `codebookScale`, sg = stop gradient, over the
 * tokens that are not masked. Sign, largest dot product and smallest distance pick the same code for any x, because all codes have
 * one length. `spherical` is binary spherical quantization: x becomes s x/|x| first, and codes have length s (s/√d a feature).
 *
 * - Shapes: x is [batch, …, dim] (any rank >= 2, `dataFormat` places the feature axis); indices are int32 [batch, …] with a
 *   trailing axis when there are several codebooks.
 * - Losses (when training; unweighted, in nats, the mean over codebooks): `perSampleEntropy` H(c|x) and `codebookEntropy` H(c), both
 *   exact and in [0, d ln 2]; H(c) is at most ln N + H(c|x). `commitment`, and `unitNorm` of the features before normalising.
 *   `codebookEntropy` is not computed, 0, for K > 2^20, where `entropyLossWeight` must be 0.
 * - Gradient of `quantized`: straight-through to x (through f of `straightThroughActivation`, normalisation and projections); with
 *   `spherical` that is √d times the gradient of BSQ's own code, unless `sphericalGradient: 'official'`.
 * - Ties: 0, -0 and NaN are not above 0: -s, bit 0; a NaN makes the losses NaN. Infinite features have their sign, and decided bits
 *   (spherical: NaN losses). A spherical token with |x| <= 1e-12 has no direction: no gradient, log-odds of 0.
 * - Out-of-range indices in `decode` give NaN, -1 gives zeros.
 *
 * Differs from vector-quantize-pytorch: the entropies are exact (it clamps probabilities at 1e-5 inside the logarithm;
 * `entropyEps: 1e-5` does as it does), need no N × 2^d matrix, and for no tokens at all are 0 instead of NaN;
 * `fracPerSampleEntropy` leaves H(c) alone; padded tokens get index -1; `commitment` is reported at weight 0 too; several codebooks
 * need `codebookSize`; the layout is never guessed; `unitNormLossWeight`, `bitOrder`, `pooledCodebookEntropy`, `sphericalGradient` and
 * schedules for τ are new.
 *
 * Source: Yu et al., "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation", arXiv:2310.05737; spherical: Zhao,
 * Xiong, Krähenbühl, "Image and Video Tokenization with Binary Spherical Quantization", arXiv:2406.07548.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const lfq = createLfq({ codebookSize: 2 ** 14, dim: 32 });
 * const z = tf.randomNormal([2, 49, 32]);
 * const { quantized, indices, loss } = lfq.quantize(z, { training: true }); // [2, 49, 32], int32 [2, 49]
 * const codes = lfq.decode(indices); // equals quantized bit for bit
 */
export function createLfq(options: LfqOptions): Lfq {
  const config = resolve(options);
  requireLossFits(config);
  const { dim, codebookSize, numCodebooks, codebookScale, spherical, softClampInputValue } = config;
  const bits = bitsOf(config);
  const innerDim = bits * numCodebooks;
  const rng = createRng(config.seed);

  const projections = createProjections(config, innerDim, rng);
  const parameters: Parameter[] = [...projections.parameters];
  const rotation = config.orthogonalRotation
    ? ownedVariable(randomOrthogonal(rng, bits), [bits, bits], false)
    : undefined;
  if (rotation !== undefined) parameters.push({ name: 'orthogonal_rot', variable: rotation, trainable: false });

  /** Magnitude of each element of a code. */
  const scale = spherical ? codebookScale / Math.sqrt(bits) : codebookScale;

  /** [N, dim] → the rows that are quantized, one per codebook, [N · numCodebooks, bits]. */
  const toRows = (tokens: Tensor2D): Tensor2D => {
    const projected = projections.in(tokens);
    const bounded = softClampInputValue === null ? projected : softClamp(projected, softClampInputValue);
    const rows = asRows(bounded, bits);
    return rotation === undefined ? rows : matMul(rows, rotation as unknown as Tensor2D);
  };
  const fromRows = (codes: Tensor2D): Tensor2D => {
    const unrotated = rotation === undefined ? codes : matMul(codes, transpose(rotation as unknown as Tensor2D));
    return projections.out(asRows(unrotated, innerDim));
  };
  const perToken = (indices: Tensor1D): Tensor1D | Tensor2D =>
    numCodebooks === 1 ? indices : (reshape(indices, [-1, numCodebooks]) as Tensor2D);
  /** Between the order of the kernels, the most significant bit first, and that of the indices. */
  const ordered = (indices: Tensor1D): Tensor1D =>
    config.bitOrder === 'msbFirst' ? indices : reverseBits(indices, bits);
  const normalised = (rows: Tensor2D): Tensor2D =>
    spherical ? (mul(unitLength(rows, 1), codebookScale) as Tensor2D) : rows;
  const surrogateOf = (x: Tensor2D): Tensor2D => {
    const activated = activations[config.straightThroughActivation](x);
    return config.sphericalGradient === 'official' ? (mul(activated, 1 / Math.sqrt(bits)) as Tensor2D) : activated;
  };

  return createQuantizer<LfqConfig, LfqLoss, LfqQuantizeOptions>({
    kind: 'LFQ',
    where: WHERE,
    config,
    dim,
    codebookSize,
    numCodebooks,
    keepNumCodebooksDim: config.keepNumCodebooksDim,
    dataFormat: config.dataFormat,
    rng,
    lossNames: ['perSampleEntropy', 'codebookEntropy', 'commitment', 'unitNorm'],
    // The reference library stores the place values of the bits under this name.
    parameters: createParameterSet(WHERE, parameters, ['mask']),
    callOptions: ['invTemperature'],
    toCodeSpace: comparesItself(config) ? sameSpace : undefined,

    quantizeTokens(tokens, { training, output, weights, options: call }) {
      const where = `${WHERE}().quantize`;
      if (call.invTemperature !== undefined) requirePositive(where, 'invTemperature', call.invTemperature);
      const emitting = toRows(output);
      const [codes, indices] = signQuantize({ x: emitting }, { scale });
      const surrogate = surrogateOf(normalised(emitting));
      const emitted = surrogate === emitting ? codes : straightThrough(surrogate, codes);
      const result = { quantized: fromRows(emitted), indices: perToken(ordered(indices)) };
      if (!training) return result;
      const invTemperature =
        call.invTemperature ?? scheduleAt(where, 'invTemperature', config.invTemperature, call.step);
      const raw = output === tokens ? emitting : toRows(tokens);
      const losses = lfqLosses(config, { raw, x: normalised(raw), codes, scale }, invTemperature, weights, rng);
      return { ...result, losses, loss: lfqLoss(config, losses, weights) };
    },
    encodeTokens: (tokens) => perToken(ordered(signEncode({ x: toRows(tokens) }, {})[0])),
    decodeTokens: (indices) => fromRows(signCodes(ordered(reshape(indices, [-1])), bits, { scale })),
  });
}

/** Whether sign(z) · scale is the code nearest to z itself. */
function comparesItself({ hasProjections, spherical, orthogonalRotation, softClampInputValue }: LfqConfig): boolean {
  return !hasProjections && !spherical && !orthogonalRotation && softClampInputValue === null;
}

/** v tanh(x / v): the identity near 0, within ±v. */
function softClamp(x: Tensor2D, v: number): Tensor2D {
  return mul(tanh(div(x, v)), v) as Tensor2D;
}

/** The layers between `dim` features and the bits of all codebooks. */
interface Projections {
  in(tokens: Tensor2D): Tensor2D;
  out(codes: Tensor2D): Tensor2D;
  readonly parameters: readonly Parameter[];
}

/** Linear layers, or none: `in` [N, dim] → [N, innerDim] and `out` back. */
function createProjections(config: LfqConfig, innerDim: number, rng: Rng): Projections {
  const { dim, hasProjections, projectionHasBias: bias, cosineSimProjectIn } = config;
  if (!hasProjections) return { in: (tokens) => tokens, out: (codes) => codes, parameters: [] };
  const into = cosineSimProjectIn
    ? createCosineSimilarity(config, innerDim, rng)
    : createLinear({ name: 'project_in', inputDim: dim, outputDim: innerDim, bias, rng });
  const out = createLinear({ name: 'project_out', inputDim: innerDim, outputDim: dim, bias, rng });
  return {
    in: (tokens) => into.apply(tokens),
    out: (codes) => out.apply(codes),
    parameters: [...into.parameters, ...out.parameters],
  };
}

/** `scale · (x/|x|)(W/|W|)`, each column of W at unit length; in the state dict W is [dim, innerDim]: not PyTorch's order. */
function createCosineSimilarity(
  { dim, cosineSimProjectInScale }: LfqConfig,
  innerDim: number,
  rng: Rng,
): { apply(x: Tensor2D): Tensor2D; parameters: readonly Parameter[] } {
  const weight = ownedVariable(rng.normalArray(dim * innerDim, 1), [dim, innerDim], true);
  return {
    apply: (x) => {
      const similarity = matMul(unitLength(x, 1), unitLength(weight as unknown as Tensor2D, 0));
      return mul(similarity, cosineSimProjectInScale) as Tensor2D;
    },
    parameters: [{ name: 'project_in.weight', variable: weight, trainable: true }],
  };
}
