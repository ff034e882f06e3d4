import {
  abs,
  add,
  clipByValue,
  concat,
  div,
  exp,
  expandDims,
  greater,
  log,
  maximum,
  minimum,
  mul,
  neg,
  ones,
  pad,
  reshape,
  type Scalar,
  scalar,
  where as select,
  sigmoid,
  slice,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
  transpose,
  zeros,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../errors.ts';
import { defineKernel, type Kernel } from '../kernel.ts';
import { matMul } from './mat-mul.ts';
import { sum } from './reduce.ts';

/** Bits beyond which the 2^d average probabilities are not formed. */
export const MAX_CODEBOOK_ENTROPY_BITS = 20;

export interface BitEntropyAttrs {
  /** Whether to compute the codebook entropy. False: it is 0, the average probabilities are empty, and d has no limit. */
  readonly codebook: boolean;
}

export interface BitEntropyInputs {
  /** Log-odds z of each bit, [N, d]. */
  readonly logits: Tensor2D;
  /** Weights of the tokens in the per-sample entropy, [N]: their sum is 1, or all are 0. */
  readonly sampleWeights: Tensor1D;
  /** Weights of the tokens in the average probabilities, [N]: their sum is 1, or all are 0. */
  readonly batchWeights: Tensor1D;
  readonly [name: string]: Tensor;
}

type BitEntropyOutputs = [perSampleEntropy: Scalar, codebookEntropy: Scalar, averageProbabilities: Tensor1D];

/** The gradients of the three outputs, the inputs, and the two outputs that the gradient needs again. */
interface BitEntropyGradInputs extends BitEntropyInputs {
  readonly dPerSample: Scalar;
  readonly dEntropy: Scalar;
  readonly dAverage: Tensor1D;
  readonly entropy: Scalar;
  readonly average: Tensor1D;
}

const BitEntropyGrad: Kernel<BitEntropyGradInputs, BitEntropyAttrs, [dLogits: Tensor2D]> = defineKernel({
  name: 'BitEntropyGrad',
  reference: (inputs, { codebook }) => {
    const { dPerSample, dEntropy, dAverage, logits, sampleWeights, batchWeights, entropy, average } = inputs;
    const z = clipByValue(logits, -SATURATED, SATURATED);
    const slope = neg(mul(z, mul(sigmoid(z), sigmoid(neg(z)))));
    const ofSample = mul(slope, expandDims(mul(sampleWeights, dPerSample), 1)) as Tensor2D;
    if (!codebook) return [ofSample];
    // ∂H/∂avg = -(log avg + 1). Every token's probabilities sum to 1, so a constant in it moves nothing: centred at H it loses
    // the fewest digits.
    const centred = neg(add(log(maximum(average, scalar(SMALLEST))), entropy));
    const dAvg = add(mul(centred, dEntropy), dAverage);
    return [add(ofSample, averageGradient(logits, batchWeights, dAvg as Tensor1D))];
  },
});

const BitEntropy: Kernel<BitEntropyInputs, BitEntropyAttrs, BitEntropyOutputs> = defineKernel({
  name: 'BitEntropy',
  reference: ({ logits, sampleWeights, batchWeights }, { codebook }) => {
    const perSample = sumOf(mul(sum(binaryEntropy(logits), 1), sampleWeights));
    if (!codebook) return [perSample, scalar(0), zeros([0])];
    const average: Tensor1D = reshape(averageOf(logits, batchWeights), [-1]);
    const surprise = neg(log(maximum(average, scalar(SMALLEST))));
    return [perSample, sumOf(mul(average, surprise)), average];
  },
  inputsToSave: ['logits', 'sampleWeights', 'batchWeights'],
  outputsToSave: [false, true, true],
  gradient: (dys, saved, attrs) => ({
    logits: () => {
      const [dPerSample, dEntropy, dAverage] = dys as [Scalar, Scalar, Tensor1D];
      const [logits, sampleWeights, batchWeights, entropy, average] = saved as [
        Tensor2D,
        Tensor1D,
        Tensor1D,
        Scalar,
        Tensor1D,
      ];
      const inputs = { dPerSample, dEntropy, dAverage, logits, sampleWeights, batchWeights, entropy, average };
      return BitEntropyGrad(inputs, attrs)[0];
    },
    sampleWeights: () => zerosLike(saved[1] as Tensor),
    batchWeights: () => zerosLike(saved[2] as Tensor),
  }),
});

/**
 * Both entropies of codes made of independent bits, exactly and without the N × 2^d matrix, in nats.
 *
 * Bit i of token n is 1 with probability σ(z_ni), so that `p_n(c) = Π_i σ(±z_ni)`:
 * - `perSampleEntropy = Σ_n v_n Σ_i H_b(σ(z_ni))`, v = sampleWeights;
 * - `averageProbabilities(c) = Σ_n w_n p_n(c)`, w = batchWeights, float32 [2^d], the first bit the most significant;
 * - `codebookEntropy = -Σ_c avg(c) log avg(c)`.
 *
 * The code splits into the first ⌈d/2⌉ bits a and the last ⌊d/2⌋ bits b: with A and B the probabilities of the halves,
 * `avg = Σ_n w_n A_n(a) B_n(b)` is one matrix product. Tokens are streamed in chunks, and the gradient computes A and B again:
 * memory O(chunk · 2^(d/2) + 2^d), time O(N · 2^d) multiply-adds, three times in all. The weights are constants.
 *
 * @throws UnsupportedError above 20 bits when the codebook entropy is asked for.
 */
export function bitEntropy(inputs: BitEntropyInputs, attrs: BitEntropyAttrs): BitEntropyOutputs {
  const [, dim] = inputs.logits.shape;
  if (attrs.codebook && dim > MAX_CODEBOOK_ENTROPY_BITS) {
    throw new UnsupportedError(
      'bitEntropy',
      'logits',
      `have at most ${MAX_CODEBOOK_ENTROPY_BITS} bits for the codebook entropy`,
      dim,
      'Use several codebooks of fewer bits, or leave the codebook entropy out.',
    );
  }
  return BitEntropy(inputs, attrs);
}

/** Below this a probability has log SMALLEST: p log p stays 0 at 0 and the gradient finite. Still a normal float32. */
const SMALLEST = 1.2e-38;

/** Log-odds of a bit whose entropy is 0 in float32; keeps infinite log-odds from making 0 · ∞. */
const SATURATED = 120;

/** Floats of one half of the code for one chunk of tokens: small enough for the cache, large enough for the matrix product. */
const CHUNK_FLOATS = 2 ** 19;

/** H_b(σ(z)) = log(1 + e^-|z|) + |z| σ(-|z|). Saturated bits, infinite ones too, have none. */
function binaryEntropy(z: Tensor2D): Tensor2D {
  const size = minimum(abs(z), scalar(SATURATED)) as Tensor2D;
  return add(logOnePlus(exp(neg(size))), mul(size, sigmoid(neg(size))));
}

/** log(1 + e) for 0 <= e <= 1 with every digit of a small e: some engines' log1p rounds 1 + e first, and 1 + e is where it is lost. */
function logOnePlus(e: Tensor2D): Tensor2D {
  const u = add(e, scalar(1));
  const kept = sub(u, scalar(1));
  return select(greater(kept, scalar(0)), mul(e, div(log(u), kept)), e) as Tensor2D;
}

/** Σ x of a vector, 32 terms at a time: one long float32 sum would lose digits. */
function sumOf(x: Tensor1D): Scalar {
  let terms = x;
  while (terms.size > 32) terms = sum(reshape(pad(terms, [[0, (32 - (terms.size % 32)) % 32]]), [-1, 32]), 1);
  return sum(terms);
}

/** Σ_n w_n A_n(a) B_n(b): [2^⌈d/2⌉, 2^⌊d/2⌋]. */
function averageOf(logits: Tensor2D, weights: Tensor1D): Tensor2D {
  const [, dim] = logits.shape;
  const high = Math.ceil(dim / 2);
  const z = transpose(logits);
  let average: Tensor2D = zeros([2 ** high, 2 ** (dim - high)]);
  for (const [start, size] of chunks(logits)) {
    const before = average;
    average = tidy(() => {
      const a = factorsOf(slice(z, [0, start], [high, size]));
      const b = factorsOf(slice(z, [high, start], [dim - high, size]));
      const weighted = mul(tokensLast(a), slice(weights, start, size)) as Tensor2D;
      return add(before, matMul(weighted, tokensFirst(b)));
    });
    before.dispose();
  }
  return average;
}

/** The gradient of Σ_c dAvg(c) avg(c) in the logits, [N, d]. */
function averageGradient(logits: Tensor2D, weights: Tensor1D, dAvg: Tensor1D): Tensor2D {
  const [, dim] = logits.shape;
  const high = Math.ceil(dim / 2);
  const g = reshape(dAvg, [2 ** high, 2 ** (dim - high)]) as Tensor2D;
  const gTransposed = transpose(g);
  const z = transpose(logits);
  const parts = chunks(logits).map(([start, size]) =>
    tidy(() => {
      const zA = slice(z, [0, start], [high, size]);
      const zB = slice(z, [high, start], [dim - high, size]);
      const a = tokensFirst(factorsOf(zA));
      const b = tokensFirst(factorsOf(zB));
      const dz = [bitGradient(mul(a, matMul(b, gTransposed)), zA)];
      if (dim > high) dz.push(bitGradient(mul(b, matMul(a, g)), zB));
      return mul(concat(dz, 0), slice(weights, start, size));
    }),
  );
  return transpose(concat(parts, 1)) as Tensor2D;
}

/**
 * From p(c) ∂/∂p(c) of each value c of k bits, [n, 2^k], to the gradient in their log-odds z, [k, n]: ∂p(c)/∂z_i is
 * σ(-z_i) p(c) where bit i of c is 1 and -σ(z_i) p(c) where it is 0. Both factors keep their accuracy near 0.
 */
function bitGradient(terms: Tensor2D, z: Tensor2D): Tensor2D {
  const [k, n] = z.shape;
  const member = new Float32Array(2 ** k * 2 * k);
  for (let code = 0; code < 2 ** k; code++) {
    for (let i = 0; i < k; i++) {
      const bit = (code >> (k - 1 - i)) & 1;
      member[code * 2 * k + bit * k + i] = 1;
    }
  }
  const sums = transpose(matMul(terms, tensor2d(member, [2 ** k, 2 * k])));
  const zero = slice(sums, [0, 0], [k, n]);
  const one = slice(sums, [k, 0], [k, n]);
  return sub(mul(sigmoid(neg(z)), one), mul(sigmoid(z), zero));
}

/** The probabilities of the values of the first ⌊k/2⌋ and of the last ⌈k/2⌉ of k bits, tokens last. Their product is small. */
type Factors = readonly [first: Tensor2D, last: Tensor2D];

/** Log-odds of k bits → the factors of the probabilities of their 2^k values: [k, n] → [2^⌊k/2⌋, n], [2^⌈k/2⌉, n]. */
function factorsOf(z: Tensor2D): Factors {
  const [k, n] = z.shape;
  const high = k >> 1;
  return [jointProbabilities(slice(z, [0, 0], [high, n])), jointProbabilities(slice(z, [high, 0], [k - high, n]))];
}

/** Log-odds of k independent bits → the probabilities of their values, first bit most significant: [k, n] → [2^k, n]. */
function jointProbabilities(z: Tensor2D): Tensor2D {
  const [k, n] = z.shape;
  if (k === 0) return ones([1, n]);
  if (k === 1) return concat([sigmoid(neg(z)), sigmoid(z)], 0);
  return tokensLast(factorsOf(z));
}

/** [2^k, n]: every product runs along memory. */
function tokensLast([first, last]: Factors): Tensor2D {
  return reshape(mul(expandDims(first, 1), expandDims(last, 0)), [-1, first.shape[1]]);
}

/** [n, 2^k], for the other side of a matrix product. The small factors are transposed: the large result would be slow to. */
function tokensFirst([first, last]: Factors): Tensor2D {
  return reshape(mul(expandDims(transpose(first), 2), expandDims(transpose(last), 1)), [first.shape[1], -1]);
}

/** Consecutive ranges of tokens, [start, size]. */
function chunks(logits: Tensor2D): [start: number, size: number][] {
  const [n, dim] = logits.shape;
  const most = Math.max(1, Math.floor(CHUNK_FLOATS / 2 ** Math.ceil(dim / 2)));
  return Array.from({ length: Math.ceil(n / most) }, (_, i) => [i * most, Math.min(most, n - i * most)]);
}
