import { add, mul, type Scalar, scalar, type Tensor2D } from '@tensorflow/tfjs-core';
import {
  createLinear,
  createParameterSet,
  createQuantizer,
  createRng,
  gatherCodes,
  type Linear,
  type QuantizeOptions,
  type Quantizer,
  requireBoolean,
  straightThrough,
  unitLength,
} from '@vqkit/core-tensor';
import { codebookLoss, commitmentLoss, rotateTo } from '@vqkit/losses';
import { createCodebooks } from './codebook.ts';
import { createHeads } from './heads.ts';
import { resolve, type VqConfig, type VqOptions, WHERE } from './options.ts';

export interface VqQuantizeOptions extends QuantizeOptions {
  /** Leaves the codes as they are in this call. Default the quantizer's option. */
  readonly freezeCodebook?: boolean | undefined;
}

/** The parts of the loss: `commitment` moves tokens to their codes, `codebook` learnable codes to their tokens. */
export type VqLoss = 'commitment' | 'codebook';

export type Vq = Quantizer<VqConfig, VqLoss, VqQuantizeOptions>;

export function createVq(options: VqOptions): Vq {
  const config = resolve(options);
  const { dim, codebookSize, codebookDim, heads, useCosineSim } = config;
  const innerDim = codebookDim * heads;
  const rng = createRng(config.seed);

  const split = createHeads(config);
  const codebooks = createCodebooks(config, split.books, rng);
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
    const rows = split.split(projectIn?.apply(tokens) ?? tokens);
    return useCosineSim ? rows.map((row) => unitLength(row, 1)) : rows;
  };
  const fromRows = (rows: readonly Tensor2D[]): Tensor2D => {
    const joined = split.join(rows);
    return projectOut?.apply(joined) ?? joined;
  };

  return createQuantizer<VqConfig, VqLoss, VqQuantizeOptions>({
    kind: 'VQ',
    where: WHERE,
    config,
    dim,
    codebookSize,
    numCodebooks: heads,
    keepNumCodebooksDim: heads > 1,
    dataFormat: config.dataFormat,
    rng,
    lossNames: ['commitment', 'codebook'],
    parameters: {
      ...parameters,
      loadStateDict(tensors) {
        parameters.loadStateDict(tensors);
        codebooks.loaded();
      },
    },
    callOptions: ['freezeCodebook'],

    quantizeTokens(tokens, { training, weights, options: call }) {
      const { freezeCodebook = config.freezeCodebook } = call;
      requireBoolean(`${WHERE}().quantize`, 'freezeCodebook', freezeCodebook);
      const learns = training && !freezeCodebook;
      const rows = toRows(tokens);
      const rowWeights = split.rowWeights(weights);
      if (learns) codebooks.initialise(rows, rowWeights);
      const indices = rows.map((row, b) => codebooks.nearest(b, row));
      const codes = indices.map((index, b) => codebooks.codes(b, index));
      const emitted = rows.map((row, b) =>
        config.rotationTrick
          ? rotateTo(row, codes[b] as Tensor2D, { maxScale: config.rotationMaxScale })
          : straightThrough(row, codes[b] as Tensor2D),
      );
      const result = { quantized: fromRows(emitted), indices: split.joinIndices(indices) };
      if (!training) return result;

      const x = split.join(rows);
      const losses = {
        commitment: commitmentLoss(x, split.join(codes), { weights }),
        codebook:
          config.learnableCodebook && learns
            ? codebookLoss(x, split.join(indices.map((index, b) => gatherCodes(codebooks.trainable(b), index))), {
                weights,
              })
            : scalar(0),
      };
      if (learns) codebooks.learn(rows, indices, rowWeights);
      const loss = add(
        mul(losses.commitment, config.commitmentWeight),
        mul(losses.codebook, config.codebookWeight),
      ) as Scalar;
      return { ...result, losses, loss };
    },
    encodeTokens: (tokens) => split.joinIndices(toRows(tokens).map((row, b) => codebooks.nearest(b, row))),
    decodeTokens: (indices) => fromRows(split.splitIndices(indices).map((index, b) => codebooks.codes(b, index))),
    disposeExtra: () => codebooks.dispose(),
  });
}
