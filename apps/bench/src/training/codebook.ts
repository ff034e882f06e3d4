import { type Scalar, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import { createTracker, type TrackerReport } from '@vqkit/metrics';
import { createAdamW } from '@vqkit/nn';
import { minimise, takeAllSteps } from '@vqkit/training';
import { type Source, varianceOf } from '../data/source.ts';
import { startTrainingEngine } from './train-tokens.ts';

/** A quantizer that is trained by itself, on vectors that nothing else changes. */
export interface CodebookSetup<Q extends Quantizer> {
  readonly source: Source;
  readonly quantizer: (seed: number) => Q;
  readonly steps: number;
  readonly batch: number;
  readonly seed: number;
  /** Default 1e-3. */
  readonly learningRate?: number;
}

/** How a quantizer does on the test vectors. */
export interface CodebookEvaluation {
  /** Mean squared error over the variance of the data. */
  readonly relativeError: number;
  readonly usedCodes: number;
  readonly perplexity: number;
}

/**
 * Trains a quantizer's own variables on its own loss with AdamW; one without variables (moving averages, LFQ, FSQ) only sees the batches.
 * `use` gets the trained quantizer, which is freed after it.
 */
export async function withTrainedCodebook<Q extends Quantizer, T>(
  setup: CodebookSetup<Q>,
  use: (quantizer: Q) => Promise<T>,
): Promise<T> {
  await startTrainingEngine();
  const { source, steps, batch, seed, learningRate = 1e-3 } = setup;
  const quantizer = setup.quantizer(seed);
  const variables = quantizer.variables();
  const optimizer = createAdamW({ variables });
  const rng = createRng(seed).fork('batches');
  try {
    await takeAllSteps({
      steps,
      batch: () => tensor2d(source.draw(batch, rng), [batch, source.dim]),
      take(vectors, step) {
        const quantize = (): Scalar => quantizer.quantize(vectors, { training: true, step }).loss;
        if (Object.keys(variables).length === 0) tidy(() => void quantize());
        else minimise({ variables, optimizer, learningRate }, quantize).dispose();
      },
    });
    return await use(quantizer);
  } finally {
    optimizer.dispose();
    quantizer.dispose();
  }
}

/** Error and use of codes on the test vectors. */
export async function evaluateCodebook(quantizer: Quantizer, source: Source): Promise<CodebookEvaluation> {
  const { test, dim } = source;
  const [indices, codes] = tidy(() => {
    const found = quantizer.encode(tensor2d(test, [test.length / dim, dim]));
    return [found, quantizer.decode(found)];
  });
  const report = usageOf(quantizer, (await indices.data()) as Int32Array);
  const error = meanSquaredError((await codes.data()) as Float32Array, test);
  indices.dispose();
  codes.dispose();
  return {
    relativeError: error / varianceOf(test, dim),
    usedCodes: report.usedCodes,
    perplexity: report.perplexity,
  };
}

/** The statistics of the indices of one call of `encode`. */
export function usageOf({ codebookSize, numCodebooks }: Quantizer, indices: Int32Array): TrackerReport {
  const tracker = createTracker({ codebookSize, numCodebooks });
  tracker.update({ indices });
  return tracker.report();
}

export function meanSquaredError(a: Float32Array, b: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += ((a[i] as number) - (b[i] as number)) ** 2;
  return squares / a.length;
}
