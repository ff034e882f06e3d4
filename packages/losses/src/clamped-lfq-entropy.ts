import {
  log,
  maximum,
  mul,
  neg,
  reshape,
  scalar,
  slice,
  softmax,
  stack,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { matMul, mean, requireKnownOptions, requirePositive, sum, UnsupportedError } from '@vqkit/core-tensor';
import { bitsPerCodebook, entropyTokens, type LfqEntropies, type LfqEntropyOptions, nothing } from './lfq-entropy.ts';

const WHERE = 'clampedLfqEntropy';

/** Largest number of bits of a codebook whose N × 2^d matrix is formed. */
export const MAX_CLAMPED_BITS = 12;

export interface ClampedLfqEntropyOptions extends LfqEntropyOptions {
  /** Smallest probability inside the logarithm. Default 1e-5, as the reference library. */
  readonly entropyEps?: number;
}

/**
 * The LFQ entropies as vector-quantize-pytorch computes them, for comparison with it: from the N × 2^d matrix of probabilities, with
 * `H(p) = -Σ p ln max(p, entropyEps)`. Use `lfqEntropy` to train.
 *
 * The clamp lowers an entropy by up to `Σ_c p ln(eps/p)` over the codes with p < eps, caps it at ln(1/eps) = 11.5 nats, and removes
 * most of its gradient near that cap.
 *
 * - Shapes, gradient and empty sets as `lfqEntropy`; d <= 12.
 *
 * Source: vector-quantize-pytorch 1.31.0, lookup_free_quantization.py.
 *
 * @throws UnsupportedError above 12 bits a codebook; OptionError, ShapeError as `lfqEntropy`.
 * @example
 * const { perSample, codebook } = clampedLfqEntropy(tf.mul(4 * 100, x), { entropyEps: 1e-5 });
 */
export function clampedLfqEntropy(logits: Tensor, options: ClampedLfqEntropyOptions = {}): LfqEntropies {
  return tidy(() => entropies(logits, options));
}

function entropies(logits: Tensor, options: ClampedLfqEntropyOptions): LfqEntropies {
  requireKnownOptions(WHERE, options, ['weights', 'numCodebooks', 'sampleWeights', 'entropyEps']);
  const { numCodebooks = 1, entropyEps = 1e-5, weights, sampleWeights } = options;
  requirePositive(WHERE, 'entropyEps', entropyEps);
  const bits = bitsPerCodebook(WHERE, logits, numCodebooks);
  if (bits > MAX_CLAMPED_BITS) {
    throw new UnsupportedError(
      WHERE,
      'logits',
      `have at most ${MAX_CLAMPED_BITS} bits a codebook`,
      bits,
      'Use lfqEntropy, which is exact and has no such matrix.',
    );
  }
  const { rows, sampleShares, batchShares } = entropyTokens(WHERE, logits, { weights, sampleWeights });
  const [n] = rows.shape;
  if (n === 0) return nothing(rows, numCodebooks, 2 ** bits);

  const signs = corners(bits);
  // softmax(2τ⟨x,c⟩) with z = 4τsx: half of z for a set bit, minus half for a clear one.
  const perBook = Array.from({ length: numCodebooks }, (_, book) => {
    const own = slice(rows, [0, book * bits], [n, bits]);
    return softmax(matMul(mul(own, 0.5), signs));
  });
  const entropy = (p: Tensor, axis: number): Tensor => neg(sum(mul(p, log(maximum(p, scalar(entropyEps)))), axis));
  const average = perBook.map((p) => reshape(matMul(reshape(batchShares, [1, n]), p), [-1]) as Tensor1D);
  const perSample = perBook.map((p) => sum(mul(entropy(p, 1), sampleShares)));
  const codebook = average.map((p) => entropy(p, 0));
  return {
    perSample: mean(stack(perSample)),
    codebook: mean(stack(codebook)),
    averageProbabilities: reshape(stack(average), [numCodebooks, -1]) as Tensor2D,
  };
}

/** The corners of the hypercube as columns, ±1 of shape [d, 2^d], the first feature the most significant bit. */
function corners(d: number): Tensor2D {
  const values = new Float32Array(d * 2 ** d);
  for (let i = 0; i < d; i++) {
    for (let code = 0; code < 2 ** d; code++) values[i * 2 ** d + code] = (code >> (d - 1 - i)) & 1 ? 1 : -1;
  }
  return tensor2d(values, [d, 2 ** d]);
}
