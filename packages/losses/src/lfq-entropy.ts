import {
  add,
  div,
  reshape,
  type Scalar,
  slice,
  stack,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from '@tensorflow/tfjs-core';
import { bitEntropy, requireInteger, requireKnownOptions, ShapeError, zerosFrom } from '@vqkit/core-tensor';
import { flatWeights, shares, type TokenWeights, tokenRows } from './tokens.ts';

export interface LfqEntropyOptions extends TokenWeights {
  /** Codebooks side by side on the last axis, each with as many bits: `dim = numCodebooks · d`. Default 1. */
  readonly numCodebooks?: number;
  /** Weights of the tokens in the per-sample entropy only, such as those of a random share. Default `weights`. */
  readonly sampleWeights?: Tensor | undefined;
}

/** Entropies in nats, each the mean over the codebooks. */
export type LfqEntropies = {
  /** H(c|x) in [0, d ln 2]: how undecided a token is between codes. */
  readonly perSample: Scalar;
  /** H(c) in [0, d ln 2]: how evenly the batch uses the codes. At most ln N + `perSample`. */
  readonly codebook: Scalar;
  /** Mean probability of every code, [numCodebooks, 2^d], the first bit the most significant. */
  readonly averageProbabilities: Tensor2D;
};

/**
 * The two entropies of lookup-free quantization, exactly, from the log-odds of its bits.
 *
 * Bit i of a token is 1 with probability σ(z_i), independently: that is the softmax of LFQ over its 2^d codes {±s}^d,
 * `p(c|x) = softmax(2τ⟨x,c⟩)`, for `z = 4 τ s x`. Then
 * - `perSample = mean_n Σ_i H_b(σ(z_ni))`,
 * - `codebook = -Σ_c p̄(c) ln p̄(c)` with `p̄ = mean_n p(c|x_n)`.
 *
 * LFQ minimises `perSample - γ · codebook`.
 *
 * - Shapes: logits [..., numCodebooks · d], weights [...]. d <= 20; memory O(N 2^(d/2) + 2^d), no N × 2^d matrix.
 * - Gradient: exact, to the logits; `averageProbabilities` has one too, so that averaging them over workers or micro-batches before
 *   taking the entropy gives the gradient of the global entropy.
 * - Infinite log-odds are decided bits. No tokens, or weights that are all 0: zeros with zero gradient.
 *
 * Differs from vector-quantize-pytorch: exact, where it clamps probabilities at 1e-5 inside the logarithm
 * (`clampedLfqEntropy` does as it does).
 *
 * Source: Yu et al., "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation", arXiv:2310.05737, equation 4.
 *
 * @throws UnsupportedError above 20 bits a codebook; ShapeError when the last axis is not a multiple of numCodebooks or weights are
 * not one per token.
 * @example
 * const { perSample, codebook } = lfqEntropy(tf.mul(4 * 100, x));
 * const loss = tf.sub(perSample, codebook);
 */
export function lfqEntropy(logits: Tensor, options: LfqEntropyOptions = {}): LfqEntropies {
  return tidy(() => entropies('lfqEntropy', logits, options, true));
}

/**
 * Per-sample entropy alone, for any number of bits: `mean_n Σ_i H_b(σ(z_ni))` in nats. See {@link lfqEntropy}.
 *
 * - Gradient: `-z σ(z) σ(-z)` times the token's share; 0 at z = 0, where it is largest.
 *
 * @throws ShapeError as {@link lfqEntropy}.
 * @example
 * const undecided = perSampleEntropy(logits, { weights: mask });
 */
export function perSampleEntropy(logits: Tensor, options: LfqEntropyOptions = {}): Scalar {
  return tidy(() => entropies('perSampleEntropy', logits, options, false).perSample);
}

/**
 * Codebook (batch) entropy alone: `-Σ_c p̄(c) ln p̄(c)` in nats. See {@link lfqEntropy}.
 *
 * @throws UnsupportedError and ShapeError as {@link lfqEntropy}.
 * @example
 * const perplexity = tf.exp(codebookEntropy(logits));
 */
export function codebookEntropy(logits: Tensor, options: LfqEntropyOptions = {}): Scalar {
  return tidy(() => entropies('codebookEntropy', logits, options, true).codebook);
}

function entropies(where: string, logits: Tensor, options: LfqEntropyOptions, codebook: boolean): LfqEntropies {
  requireKnownOptions(where, options, ['weights', 'numCodebooks', 'sampleWeights']);
  const { numCodebooks = 1 } = options;
  const bits = bitsPerCodebook(where, logits, numCodebooks);
  const { rows, sampleShares, batchShares } = entropyTokens(where, logits, options);
  const [n] = rows.shape;
  if (n === 0) return nothing(rows, numCodebooks, codebook ? 2 ** bits : 0);

  const each = Array.from({ length: numCodebooks }, (_, book) => {
    const own = numCodebooks === 1 ? rows : slice(rows, [0, book * bits], [n, bits]);
    return bitEntropy({ logits: own, sampleWeights: sampleShares, batchWeights: batchShares }, { codebook });
  });
  return {
    perSample: meanOf(each.map(([perSample]) => perSample)),
    codebook: meanOf(each.map(([, entropy]) => entropy)),
    averageProbabilities: stack(each.map(([, , average]) => average as Tensor1D)) as Tensor2D,
  };
}

/** The tokens of both entropies as rows, and the share of each token in either. */
export function entropyTokens(
  where: string,
  logits: Tensor,
  options: LfqEntropyOptions,
): { rows: Tensor2D; sampleShares: Tensor1D; batchShares: Tensor1D } {
  const weights = flatWeights(where, 'weights', options.weights, logits);
  const ofSample = flatWeights(where, 'sampleWeights', options.sampleWeights, logits);
  const counted: Tensor1D | undefined =
    weights === undefined || ofSample === undefined ? weights : add(weights, ofSample);
  const rows = tokenRows(logits, counted);
  const batchShares = shares(weights, rows.shape[0]);
  return { rows, batchShares, sampleShares: ofSample === undefined ? batchShares : shares(ofSample, rows.shape[0]) };
}

/** Bits of each codebook: the last axis divided by the number of codebooks. */
export function bitsPerCodebook(where: string, logits: Tensor, numCodebooks: number): number {
  requireInteger(where, 'numCodebooks', numCodebooks, 1);
  const dim = logits.shape.at(-1) ?? 0;
  if (dim > 0 && dim % numCodebooks === 0) return dim / numCodebooks;
  throw new ShapeError(
    where,
    'logits',
    `end in an axis of numCodebooks · d = ${numCodebooks} · d log-odds`,
    logits.shape,
    'Pass all bits of all codebooks on the last axis.',
  );
}

/** What an empty set of tokens gives: zeros that hang on it, so that they have a gradient. */
export function nothing(rows: Tensor2D, numCodebooks: number, codebookSize: number): LfqEntropies {
  const zero = (): Scalar => zerosFrom([], [rows]) as Scalar;
  const averageProbabilities = zerosFrom([numCodebooks, codebookSize], [rows]) as Tensor2D;
  return { perSample: zero(), codebook: zero(), averageProbabilities };
}

function meanOf(values: Scalar[]): Scalar {
  return values.length === 1
    ? reshape(values[0] as Scalar, [])
    : div(
        values.reduce((a, b) => add(a, b)),
        values.length,
      );
}
