import { dispose, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { letSignalsIn } from '@vqkit/data';
import { comparesLatents, createTracker, type Tracker, type TrackerReport } from '@vqkit/metrics';
import { createLimitMeter, type LatentHistograms } from './latent-histograms.ts';
import { createLayerMeter, type LayerMeter } from './layer-use.ts';
import { imageModality } from './modalities/images.ts';
import type { Examples, Modality } from './modality.ts';
import type { CodeHistogram, CodeUse, Quality } from './records.ts';
import type { Trainable } from './step.ts';

/** The first examples of a set and their reconstructions, one after the other. */
export interface ExamplePairs {
  readonly count: number;
  /** Of one example, [height, width, channels] of a picture. */
  readonly shape: readonly number[];
  readonly originals: readonly number[];
  readonly reconstructions: readonly number[];
}

/** A tokenizer on a set of examples. */
export interface Evaluation {
  readonly quality: Quality;
  readonly codes: CodeUse;
  /** The full statistics of the tokens. */
  readonly tracker: TrackerReport;
  /** One per codebook. */
  readonly histograms: readonly CodeHistogram[];
  readonly latents: LatentHistograms;
  readonly pairs: ExamplePairs;
}

export interface EvaluateOptions {
  readonly batchSize: number;
  /** Step of the training, for quantizer options that are schedules. */
  readonly step: number;
  /** Default images. */
  readonly modality?: Modality | undefined;
  /** How many examples and reconstructions to keep. Default 0. */
  readonly keepPairs?: number;
  /** Gets the tokens of each batch, in the order of the examples, and how many these are. */
  readonly onTokens?: ((tokens: EvaluatedTokens, examples: number) => void) | undefined;
  /** Aborting it ends the evaluation between two batches, with an error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs every example through the tokenizer, as in use: no noise, and the output in the range of the data before it is measured. Codes
 * are counted over the tokens of all examples. Changes nothing: neither weights nor the state of a random generator.
 */
export async function evaluate(model: Trainable, examples: Examples, options: EvaluateOptions): Promise<Evaluation> {
  const { quantizer } = model;
  const { batchSize, step, keepPairs = 0, modality = imageModality, onTokens, signal } = options;
  const { shape } = examples;
  const perExample = shape.reduce((product, length) => product * length, 1);
  const meter = modality.createMeter(shape);
  const tracker = createTracker({ codebookSize: quantizer.codebookSize, numCodebooks: quantizer.numCodebooks });
  const layers = createLayerMeter(quantizer);
  const limits = createLimitMeter();
  const kept = Math.min(keepPairs, examples.count);
  const originals: number[] = [];
  const reconstructions: number[] = [];
  // Four decimals are a hundredth of a grey level and keep the file small.
  const keep = (list: number[], values: Float32Array): void => {
    for (const value of values) list.push(Math.round(value * 1e4) / 1e4);
  };

  for (let start = 0; start < examples.count; start += batchSize) {
    await letSignalsIn(signal);
    const wanted = Math.min(batchSize, examples.count - start);
    const values = await examples.batch(Int32Array.from({ length: wanted }, (_, i) => start + i));
    const size = values.length / perExample;
    const batch = await runBatch(model, modality, modality.toTensor(values, size, shape), step, layers);
    const { output, layerSquares, shares, features, ...tokens } = batch;
    onTokens?.(tokens, size);
    await meter.add(values, output);
    tracker.update(tokens);
    if (layerSquares !== undefined) layers?.add(layerSquares);
    if (shares !== undefined) limits.add(shares, features);
    const missing = Math.min(values.length, kept * perExample - originals.length);
    keep(originals, values.subarray(0, missing));
    keep(reconstructions, output.subarray(0, missing));
  }
  const report = tracker.report();
  return {
    quality: meter.report(),
    codes: {
      ...codeUse(report, quantizer.numCodebooks),
      ...(layers === undefined ? {} : { layers: layers.report(report) }),
    },
    tracker: report,
    histograms: codeHistograms(tracker),
    latents: { angles: report.latents?.pairs?.angles ?? null, limits: limits.report() },
    pairs: { count: originals.length / perExample, shape, originals, reconstructions },
  };
}

/** The tokens of a batch. */
export interface EvaluatedTokens {
  readonly indices: Int32Array;
  /** [tokens · dim]. */
  readonly latents: Float32Array;
  /** In the space of the latents, where the method compares them with its codes there. */
  readonly codes?: Float32Array;
  readonly dim: number;
}

interface BatchData extends EvaluatedTokens {
  readonly output: Float32Array;
  readonly perSampleEntropy?: number;
  readonly codebookEntropy?: number;
  readonly layerSquares?: Float32Array;
  /** Of the limit, in rows of `features`. */
  readonly shares?: Float32Array;
  readonly features: number;
}

/** One batch as plain data; disposes `examples`. */
async function runBatch(
  model: Trainable,
  modality: Modality,
  examples: Tensor,
  step: number,
  layers: LayerMeter | undefined,
): Promise<BatchData> {
  const { quantizer } = model;
  const before = quantizer.rng.state();
  const tensors: Record<string, Tensor> = tidy(() => {
    const { output, indices, latents, quantized, losses: parts } = model.forward(examples, { training: false });
    // The entropies come with the training losses only. Their random numbers, if any, are given back below. Other methods are not
    // asked: a training call would change the codes of VQ, and the entropies of a stack are sums over its layers.
    const losses =
      'perSampleEntropy' in parts && layers === undefined
        ? quantizer.quantize(latents, { training: true, step }).losses
        : {};
    const { perSampleEntropy, codebookEntropy } = losses;
    return {
      output: modality.fromOutput(output),
      indices,
      latents,
      quantized,
      ...(perSampleEntropy === undefined ? {} : { perSampleEntropy }),
      ...(codebookEntropy === undefined ? {} : { codebookEntropy }),
      ...(layers === undefined ? {} : { layerSquares: layers.squares(latents, indices) }),
      ...(quantizer.shareOfLimit === undefined ? {} : { shares: quantizer.shareOfLimit(latents) }),
    };
  });
  quantizer.rng.restore(before);
  const data: Record<string, Float32Array | Int32Array | Uint8Array> = {};
  for (const [name, tensor] of Object.entries(tensors)) data[name] = await tensor.data();
  const features = tensors.shares?.shape[1] ?? 0;
  // Without a network the examples are the latents.
  dispose([tensors, examples]);
  const number = (name: string): Record<string, number> =>
    data[name] === undefined ? {} : { [name]: data[name][0] as number };
  return {
    output: data.output as Float32Array,
    indices: data.indices as Int32Array,
    latents: data.latents as Float32Array,
    ...(comparesLatents(quantizer) ? { codes: data.quantized as Float32Array } : {}),
    dim: quantizer.dim,
    ...number('perSampleEntropy'),
    ...number('codebookEntropy'),
    ...(data.layerSquares === undefined ? {} : { layerSquares: data.layerSquares as Float32Array }),
    ...(data.shares === undefined ? {} : { shares: data.shares as Float32Array }),
    features,
  };
}

function codeHistograms(tracker: Tracker): CodeHistogram[] {
  return Array.from({ length: tracker.numCodebooks }, (_, codebook) => {
    const { codes, counts } = tracker.usage(codebook);
    return { codebookSize: tracker.codebookSize, codes: [...codes], counts: [...counts] };
  });
}

function codeUse(report: TrackerReport, numCodebooks: number): CodeUse {
  const { entropies, latents } = report;
  const statistics: Record<string, number | undefined> = {
    expectedUsedCodes: report.expectedUsedCodes,
    utilizationOfExpected: report.utilizationOfExpected,
    topCodeShare: report.topCodeShare,
    deadCodes: report.deadCodes,
    nominalBitsPerToken: report.nominalBitsPerToken,
    perSampleEntropy: entropies?.perSample,
    codebookEntropy: entropies?.codebook,
    attainableEntropy: entropies?.attainable,
    logCodebookSize: entropies?.logCodebookSize,
    latentRms: latents?.rms,
    latentVariance: latents?.variance,
    quantizationError: latents?.pairs?.error,
    snrDb: latents?.pairs?.snrDb,
    obtuseShare: latents?.pairs?.obtuseShare,
    normRatio: latents?.pairs?.normRatio,
  };
  const finite = Object.entries(statistics).filter(([, value]) => value !== undefined && Number.isFinite(value));
  return {
    tokens: report.tokens,
    codebookSize: report.codebookSize / numCodebooks,
    numCodebooks,
    used: report.usedCodes / numCodebooks,
    utilization: report.utilization,
    perplexity: report.perplexity,
    bitsPerToken: report.bitsPerToken,
    statistics: Object.fromEntries(finite) as Record<string, number>,
  };
}
