import {
  add,
  cumsum,
  expandDims,
  floor,
  gather,
  greater,
  lessEqual,
  maximum,
  mul,
  reshape,
  type Scalar,
  scalar,
  where as select,
  softplus,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tile,
} from '@tensorflow/tfjs-core';
import { MAX_CODEBOOK_ENTROPY_BITS, type Rng, requireOption, sum } from '@vqkit/core-tensor';
import {
  clampedLfqEntropy,
  commitmentLoss,
  lfqEntropy,
  MAX_CLAMPED_BITS,
  perSampleEntropy,
  unitNormLoss,
} from '@vqkit/losses';
import { bitsOf, type LfqConfig, WHERE } from './options.ts';

/** The parts of the loss, unweighted; entropies in nats. */
export type LfqLoss = 'perSampleEntropy' | 'codebookEntropy' | 'commitment' | 'unitNorm';

/** The rows of all tokens, one per codebook, [N · numCodebooks, bits], before and after what LFQ does to them. */
export interface LfqRows {
  /** Before they are normalised. */
  readonly raw: Tensor2D;
  /** What the straight-through gradient and the entropies see: of length s when spherical, else `raw`. */
  readonly x: Tensor2D;
  /** The codes. */
  readonly codes: Tensor2D;
  /** Magnitude of each element of a code. */
  readonly scale: number;
}

/** Throws OptionError for codebooks too large for the entropies that are asked for. */
export function requireLossFits(config: LfqConfig): void {
  const bits = bitsOf(config);
  requireOption(
    bits <= MAX_CODEBOOK_ENTROPY_BITS || config.entropyLossWeight === 0,
    WHERE,
    'codebookSize',
    `at most 2^${MAX_CODEBOOK_ENTROPY_BITS} for the entropy loss`,
    2 ** bits,
    'Pass entropyLossWeight: 0, or several codebooks of fewer bits.',
  );
  requireOption(
    bits <= MAX_CLAMPED_BITS || config.entropyEps === null,
    WHERE,
    'codebookSize',
    `at most 2^${MAX_CLAMPED_BITS} with entropyEps`,
    2 ** bits,
    'Leave entropyEps out: the exact entropy needs no matrix of all codes.',
  );
}

/**
 * The parts of the loss. A softmax over all codes c of 2τ⟨x, c⟩ makes the bits independent, bit i being set with log-odds
 * `4 τ c_i x_i`; no codebook is formed.
 */
export function lfqLosses(
  config: LfqConfig,
  rows: LfqRows,
  invTemperature: number,
  weights: Tensor1D | undefined,
  rng: Rng,
): Record<LfqLoss, Scalar> {
  const { numCodebooks, fracPerSampleEntropy: share, pooledCodebookEntropy: pooled } = config;
  const perToken = (values: Tensor): Tensor2D => reshape(values, [-1, numCodebooks * bitsOf(config)]);
  const logits = perToken(mul(rows.x, 4 * invTemperature * rows.scale));
  const sampleWeights = share < 1 ? randomShare(weights, logits.shape[0], share, rng) : weights;
  // Pooled, the codebooks of a token are as many tokens of one codebook.
  const perBook = (own: Tensor1D | undefined): Tensor1D | undefined =>
    own && (reshape(tile(expandDims(own, 1), [1, numCodebooks]), [-1]) as Tensor1D);
  const entropies = pooled
    ? entropiesOf(config, reshape(logits, [-1, bitsOf(config)]), {
        weights: perBook(weights),
        sampleWeights: perBook(sampleWeights),
        numCodebooks: 1,
      })
    : entropiesOf(config, logits, { weights, sampleWeights, numCodebooks });
  return {
    perSampleEntropy: entropies.perSample,
    codebookEntropy: entropies.codebook,
    commitment: commitmentLoss(perToken(rows.x), perToken(rows.codes), { weights }),
    unitNorm: unitNormLoss(perToken(rows.raw), { weights, scale: config.codebookScale }),
  };
}

function entropiesOf(
  config: LfqConfig,
  logits: Tensor2D,
  options: { weights: Tensor1D | undefined; sampleWeights: Tensor1D | undefined; numCodebooks: number },
): { perSample: Scalar; codebook: Scalar } {
  const { entropyEps } = config;
  if (entropyEps !== null) return clampedLfqEntropy(logits, { ...options, entropyEps });
  if (bitsOf(config) <= MAX_CODEBOOK_ENTROPY_BITS) return lfqEntropy(logits, options);
  return { perSample: perSampleEntropy(logits, options), codebook: scalar(0) };
}

/** `w_e (H_sample - γ H_batch) + w_c commitment + w_u unitNorm`; a weight of 0 keeps its term out of the gradient. */
export function lfqLoss(config: LfqConfig, losses: Record<LfqLoss, Scalar>, weights: Tensor1D | undefined): Scalar {
  const terms: [weight: number, term: () => Scalar][] = [
    [config.entropyLossWeight, () => entropyTerm(config, losses, weights)],
    [config.commitmentLossWeight, () => losses.commitment],
    [config.unitNormLossWeight, () => losses.unitNorm],
  ];
  return terms
    .filter(([weight]) => weight > 0)
    .reduce<Scalar>((loss, [weight, term]) => add(loss, mul(term(), weight)), scalar(0));
}

function entropyTerm(
  config: LfqConfig,
  { perSampleEntropy, codebookEntropy }: Record<LfqLoss, Scalar>,
  weights: Tensor1D | undefined,
): Scalar {
  const term: Scalar = sub(perSampleEntropy, mul(codebookEntropy, config.diversityGamma));
  if (!config.experimentalSoftplusEntropyLoss) return term;
  const positive: Scalar = softplus(add(term, config.entropyLossOffset));
  // Without any token softplus(0 + offset) is not the loss of anything.
  return weights === undefined ? positive : select<Scalar>(greater(sum(weights), scalar(0)), positive, scalar(0));
}

/**
 * Weights that keep a random share of the real tokens, at least one of them if there is any: [n] of 0 or 1.
 *
 * @param weights [n] of 0 (padding) or 1; undefined when all are real.
 * @param share in (0, 1]; `max(1, ⌊share · real⌋)` tokens stay.
 */
export function randomShare(weights: Tensor1D | undefined, n: number, share: number, rng: Rng): Tensor1D {
  const order = rng.permutation(n);
  if (weights === undefined) {
    const kept = new Float32Array(n);
    for (const token of order.subarray(0, Math.max(1, Math.floor(n * share)))) kept[token] = 1;
    return tensor1d(kept);
  }
  // The mask is on the engine and is not read: the first tokens of a random order stay, counting real ones only.
  const rank = new Int32Array(n);
  order.forEach((token, position) => {
    rank[token] = position;
  });
  const shuffled = gather(weights, tensor1d(order, 'int32'));
  const most = maximum(floor(mul(sum(weights), share)), scalar(1));
  const kept = mul(shuffled, lessEqual(cumsum(shuffled), most)) as Tensor1D;
  return gather(kept, tensor1d(rank, 'int32'));
}
