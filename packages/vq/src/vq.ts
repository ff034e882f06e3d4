import type { Tensor2D } from '@tensorflow/tfjs-core';
import {
  createParameterSet,
  createQuantizer,
  createRng,
  type QuantizeOptions,
  type Quantizer,
  requireBoolean,
  requireNonNegative,
  sameSpace,
  scheduleAt,
  straightThrough,
  unitLength,
} from '@vqkit/core-tensor';
import { rotateTo } from '@vqkit/losses';
import { createLinear, type Linear } from '@vqkit/nn';
import { createCodebooks, createHeads } from './codebook.ts';
import { orthogonality, tokenLosses, type VqLoss, vqLoss } from './loss.ts';
import { resolve, type VqConfig, type VqOptions, WHERE } from './options.ts';
import { sampleCodes } from './scores.ts';

export interface VqQuantizeOptions extends QuantizeOptions {
  /** Leaves the codes as they are in this call. Default the quantizer's option. */
  readonly freezeCodebook?: boolean | undefined;
  /** T of this call, >= 0, in place of the quantizer's option; 0 takes the nearest code. */
  readonly sampleCodebookTemp?: number | undefined;
}

export type Vq = Quantizer<VqConfig, VqLoss, VqQuantizeOptions>;

/**
 * The classic vector quantizer: each token becomes the nearest of K codes, and the codes follow the tokens that choose them.
 *
 * `index = argmin_k |x - c_k|`, `q = c_index`. In a training step codes move by moving averages of the cluster sizes n and the sums m
 * of their tokens, with γ = `decay` and ε = `eps`:
 * `n ← γ n + (1 - γ) n_batch`, `m ← γ m + (1 - γ) m_batch`, `c = m / n` (with ε: `m / (Σn · (n + ε) / (Σn + K ε))`); the code of a cluster
 * that got no token stays where it is;
 * or, with `learnableCodebook`, by the gradient of the loss.
 * `loss = commitmentWeight · mse(x, sg q) + codebookWeight · mse(sg x, q) + orthogonalRegWeight · Σ_{i≠j} cos²(c_i, c_j) / K²`,
 * sg = stop gradient, means over all elements of the tokens that are not masked; the second term for learnable codes only.
 *
 * - Shapes: x is [batch, …, dim] (any rank >= 2, `dataFormat` places the feature axis); indices are int32 [batch, …] with a
 *   trailing axis when there are several heads.
 * - `useCosineSim`: tokens and codes have length 1, a code that is loaded too; `c = m / |m|`. A token or code without a direction (a length
 *   up to 1e-12) takes part in no statistic, and such a code is never chosen. `heads`: the features are split, each part is quantized on its own.
 * - `metric`: `cosine` takes the code of nearest direction and puts it out at its own length, `dot` that of the largest product ⟨x, c⟩; sums are
 *   those of float32. A token or code without a direction as above; the softmax of drawn codes and of the cross-entropy needs `euclidean`.
 * - What learns, learns in `quantize(x, { training: true })`, once per call, off the gradient tape: call it once per step. The
 *   result is that of the codes before the update. Inference, `encode` and `decode` change nothing.
 * - `kmeansInit`: k-means++ and Lloyd iterations at the beginning of the first training step; before it, the codes are the random ones.
 *   While there have been fewer than `kmeansTokensPerCode` · K tokens that count, codes are placed from seeds spread over all tokens so far, and
 *   the next step starts anew. These tokens are `trainingState()`: a training that is resumed with it goes on exactly.
 * - `thresholdEmaDeadCode`: codes in too little use become tokens of the batch, and their averages start anew.
 * - Gradient of `quantized`: to x by the rotation trick (`rotateTo` of @vqkit/losses) or straight-through; none to the codes.
 * - `quantized` is exactly the code, in training and inference. Never forms a matrix of all tokens and all codes.
 * - The nearest code is the one that float64 finds, on every engine and whatever the codes. Ties: the lowest index. A code with a NaN or an
 *   infinity is never chosen while there is another; a token with one gets the first code that has none and, as one of length 2^56
 *   or more, takes part in no statistic. Out-of-range indices in `decode` give NaN, -1 gives zeros.
 * - The state dict holds the codes, their averages and whether k-means was done: training goes on from it exactly, with `trainingState()`
 *   and `rng.state()`.
 *
 * Differs from vector-quantize-pytorch (`VectorQuantize`): see the README. Above all, learnable codes have a loss of their own;
 * padding takes part in nothing; a code that is not used stays; k-means waits for training; an orthogonality loss works together with moving averages.
 *
 * Source: van den Oord, Vinyals, Kavukcuoglu, "Neural Discrete Representation Learning", arXiv:1711.00937 (appendix A.1 for the
 * moving averages); revival: Zeghidour et al., "SoundStream", arXiv:2107.03312; cosine similarity: Yu et al., "Vector-quantized
 * Image Modeling with Improved VQGAN", arXiv:2110.04627.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const vq = createVq({ dim: 32, codebookSize: 1024, kmeansInit: true, thresholdEmaDeadCode: 2 });
 * const x = tf.randomNormal([2, 49, 32]);
 * const { quantized, indices, loss } = vq.quantize(x, { training: true }); // [2, 49, 32], int32 [2, 49]; moves the codes
 * const codes = vq.decode(vq.encode(x)); // by the codes as they are now
 */
export function createVq(options: VqOptions): Vq {
  const config = resolve(options);
  const { dim, codebookSize, useCosineSim } = config;
  const innerDim = config.codebookDim * config.heads;
  const rng = createRng(config.seed);

  const heads = createHeads(config);
  const codebooks = createCodebooks(config, heads.books, rng);
  const linear = (name: string, inputDim: number, outputDim: number): Linear | undefined =>
    innerDim === dim ? undefined : createLinear({ name, inputDim, outputDim, bias: true, rng });
  const projectIn = linear('project_in', dim, innerDim);
  const projectOut = linear('project_out', innerDim, dim);
  const parameters = createParameterSet(WHERE, [
    ...codebooks.parameters,
    ...(projectIn?.parameters ?? []),
    ...(projectOut?.parameters ?? []),
  ]);

  /** [N, dim] → the rows that each codebook quantizes. */
  const toRows = (tokens: Tensor2D): Tensor2D[] => {
    const rows = heads.split(projectIn?.apply(tokens) ?? tokens);
    return useCosineSim ? rows.map((row) => unitLength(row, 1)) : rows;
  };
  const fromRows = (rows: readonly Tensor2D[]): Tensor2D => {
    const joined = heads.join(rows);
    return projectOut?.apply(joined) ?? joined;
  };

  const temperatureOf = (where: string, { sampleCodebookTemp, step }: VqQuantizeOptions): number =>
    sampleCodebookTemp ?? scheduleAt(where, 'sampleCodebookTemp', config.sampleCodebookTemp, step);

  return createQuantizer<VqConfig, VqLoss, VqQuantizeOptions>({
    kind: 'VQ',
    where: WHERE,
    config,
    dim,
    codebookSize,
    numCodebooks: config.heads,
    keepNumCodebooksDim: config.heads > 1,
    dataFormat: config.dataFormat,
    rng,
    lossNames: ['commitment', 'codebook', 'orthogonality'],
    parameters: {
      ...parameters,
      loadStateDict(tensors) {
        parameters.loadStateDict(tensors);
        codebooks.loaded();
      },
    },
    trainingState: codebooks.trainingState,
    callOptions: ['freezeCodebook', 'sampleCodebookTemp'],
    toCodeSpace: projectOut === undefined && !useCosineSim && config.metric === 'euclidean' ? sameSpace : undefined,

    quantizeTokens(tokens, { training, output, weights, options: call }) {
      const where = `${WHERE}().quantize`;
      const { freezeCodebook = config.freezeCodebook } = call;
      requireBoolean(where, 'freezeCodebook', freezeCodebook);
      if (call.sampleCodebookTemp !== undefined)
        requireNonNegative(where, 'sampleCodebookTemp', call.sampleCodebookTemp);
      const learns = training && !freezeCodebook;
      const rows = toRows(tokens);
      const rowWeights = heads.rowWeights(weights);
      if (learns) codebooks.initialise(rows, rowWeights);
      const temperature = config.stochasticSampleCodes && training ? temperatureOf(where, call) : 0;
      const indices = rows.map((row, b) =>
        temperature > 0
          ? sampleCodes(row, codebooks.all(b), { temperature, useCosineSim, rng })
          : codebooks.nearest(b, row),
      );
      const codes = indices.map((index, b) => codebooks.codes(b, index));
      const emitting = output === tokens ? rows : toRows(output);
      const emitted = emitting.map((row, b) =>
        config.rotationTrick
          ? rotateTo(row, codes[b] as Tensor2D, { maxScale: config.rotationMaxScale })
          : straightThrough(row, codes[b] as Tensor2D),
      );
      const result = { quantized: fromRows(emitted), indices: heads.joinIndices(indices) };
      if (!training) return result;

      const found = { rows, codes, indices, weights, rowWeights };
      const parts = { codebooks, heads, rng };
      const aboutTokens = tokenLosses(config, parts, found, learns);
      if (learns) codebooks.learn(rows, indices, rowWeights);
      // Of the codes as they are now: the optimizer moves these.
      const losses = { ...aboutTokens, orthogonality: orthogonality(config, parts, found, learns) };
      return { ...result, losses, loss: vqLoss(config, losses) };
    },
    encodeTokens: (tokens) => heads.joinIndices(toRows(tokens).map((row, b) => codebooks.nearest(b, row))),
    decodeTokens: (indices) => fromRows(heads.splitIndices(indices).map((index, b) => codebooks.codes(b, index))),
    ...(config.heads === 1 && projectOut === undefined && { codebook: () => codebooks.all(0) }),
    disposeExtra: () => codebooks.dispose(),
  });
}
