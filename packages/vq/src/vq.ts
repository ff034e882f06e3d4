import type { Tensor2D } from '@tensorflow/tfjs-core';
import {
  createLinear,
  createParameterSet,
  createQuantizer,
  createRng,
  type Linear,
  type QuantizeOptions,
  type Quantizer,
  requireBoolean,
  requireNonNegative,
  scheduleAt,
  straightThrough,
  unitLength,
} from '@vqkit/core-tensor';
import { rotateTo } from '@vqkit/losses';
import { createCodebooks } from './codebook.ts';
import { createHeads } from './heads.ts';
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
    callOptions: ['freezeCodebook', 'sampleCodebookTemp'],

    quantizeTokens(tokens, { training, weights, options: call }) {
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
      const emitted = rows.map((row, b) =>
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
    disposeExtra: () => codebooks.dispose(),
  });
}
