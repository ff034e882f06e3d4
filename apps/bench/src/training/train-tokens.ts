import {
  add,
  grad,
  keep,
  type Scalar,
  stack,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import { createAdamW } from '@vqkit/nn';
import { lossAndGradients, takeSteps } from '@vqkit/training';
import type { Source } from '../data/source.ts';
import { evaluateTokens, type TokenEvaluation, VECTORS } from './evaluate.ts';
import { createTokenAutoencoder, type Part, type TokenAutoencoder } from './model.ts';

/** One training: everything that its result depends on. */
export interface TrainingSetup {
  readonly source: Source;
  /** Made after the engine is started; owned and freed by the training. */
  readonly quantizer: (seed: number) => Quantizer;
  readonly steps: number;
  /** Tokens of a step. */
  readonly batch: number;
  readonly seed: number;
  /** Default 128. */
  readonly hidden?: number;
  /** Default 1e-3. */
  readonly learningRate?: number;
  readonly latentNorm?: boolean;
  readonly latentScale?: number;
  /** A further loss of the latents, beside reconstruction and the quantizer's own. */
  readonly extraLoss?: (latents: Tensor2D) => Scalar;
  /** Follows the gradient of the quantizer's own loss in the latents; for quantizers whose training changes nothing by itself. */
  readonly lossGradient?: boolean;
  /** Points of the trace, evenly over the steps. Default 12. */
  readonly points?: number;
  readonly progress?: (share: number) => void;
}

/** What training was like at one step. Every number is null where it was not finite. */
export interface TracePoint {
  /** Steps done before it. */
  readonly step: number;
  /** Of the batch of this step. */
  readonly loss: number | null;
  readonly reconstruction: number | null;
  readonly losses: Readonly<Record<string, number | null>>;
  /** Norms of the loss's gradient. */
  readonly gradients: Readonly<Record<Part, number | null>>;
  /** Root mean square over tokens of |∂(quantizer's loss)/∂z| times the tokens; null where it is not followed. */
  readonly lossGradient: number | null;
  /** Of 2,048 test vectors; null when the latents were not finite. */
  readonly probe: Probe | null;
}

/** What a trace keeps of an evaluation: a results file holds a thousand of them. */
type Probe = Pick<TokenEvaluation, 'usedCodes' | 'utilization' | 'perplexityShare' | 'relativeError' | 'latents'>;

/** How a training went: plain data. */
export interface TrainingRun {
  /** The first step whose loss was not finite; null when none was. Training stops there. */
  readonly divergedAt: number | null;
  readonly trace: readonly TracePoint[];
  /** All test vectors after the last step; null when training diverged. */
  readonly test: TokenEvaluation | null;
  /** The same of test vectors that are not still, where the source tells them apart. */
  readonly busyTest: TokenEvaluation | null;
}

const PROBE = 2048;
const MSE = { loss: 'mse', clampOutput: false } as const;

/** The engine of all trainings: the same everywhere, so that a result does not depend on what else is installed. Networks this small gain nothing by a second thread. */
export async function startTrainingEngine(): Promise<void> {
  await init({ threads: 1 });
}

/**
 * Trains an autoencoder of tokens around a quantizer with mean squared error + the quantizer's loss and AdamW, and tells how it went.
 * The same setup gives the same numbers, bit for bit.
 */
export async function trainTokens(setup: TrainingSetup): Promise<TrainingRun> {
  await startTrainingEngine();
  const { source, steps, batch, seed, learningRate = 1e-3, points = 12 } = setup;
  const model = createTokenAutoencoder({
    inputDim: source.dim,
    hidden: setup.hidden ?? 128,
    quantizer: setup.quantizer(seed),
    latentNorm: setup.latentNorm ?? false,
    latentScale: setup.latentScale ?? 1,
    seed,
  });
  const optimizer = createAdamW({ variables: model.variables() });
  const rng = createRng(seed).fork('batches');
  const probe = source.test.subarray(0, PROBE * source.dim);
  const every = Math.max(1, Math.floor(steps / points));
  const trace: TracePoint[] = [];
  let divergedAt: number | null = null;
  const training = takeSteps({
    steps,
    batch: () => tensor2d(source.draw(batch, rng), [batch, source.dim]),
    /** Whether the loss was finite. */
    async take(vectors, step) {
      const traced = step % every === 0 || step === steps - 1;
      // Before the step changes the weights, so that all of a point belongs together.
      const evaluation = traced ? await evaluateTokens(model, source, probe, step) : null;
      const lossGradient = traced && setup.lossGradient === true ? await lossGradientOf(model, vectors, step) : null;
      const { numbers, gradients } = gradientsOf(setup, model, vectors, step);
      const [loss, reconstruction, ...parts] = await numbers.values;
      if (traced) {
        trace.push({
          step,
          loss: finite(loss),
          reconstruction: finite(reconstruction),
          losses: Object.fromEntries(numbers.names.map((name, i) => [name, finite(parts[i])])),
          gradients: await normsOf(model, gradients),
          lossGradient,
          probe: evaluation === null ? null : probeOf(evaluation),
        });
        setup.progress?.(step / steps);
      }
      const finiteLoss = Number.isFinite(loss);
      if (finiteLoss) optimizer.step(gradients, learningRate);
      for (const gradient of Object.values(gradients)) gradient.dispose();
      return finiteLoss;
    },
  });
  try {
    for await (const { step, result: wasFinite } of training) {
      if (wasFinite) continue;
      divergedAt = step - 1;
      break;
    }
    const evaluate = async (vectors: Float32Array | undefined): Promise<TokenEvaluation | null> =>
      divergedAt !== null || vectors === undefined ? null : evaluateTokens(model, source, vectors, steps);
    return { divergedAt, trace, test: await evaluate(source.test), busyTest: await evaluate(source.busyTest) };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

function probeOf({ usedCodes, utilization, perplexityShare, relativeError, latents }: TokenEvaluation): Probe {
  return { usedCodes, utilization, perplexityShare, relativeError, latents };
}

interface StepNumbers {
  /** Loss, reconstruction, then the parts of the quantizer's loss. */
  readonly values: Promise<Float32Array | Int32Array | Uint8Array>;
  readonly names: readonly string[];
}

function gradientsOf(
  setup: TrainingSetup,
  model: TokenAutoencoder,
  vectors: Tensor2D,
  step: number,
): { numbers: StepNumbers; gradients: Readonly<Record<string, Tensor>> } {
  const names: string[] = [];
  const kept: Tensor1D[] = [];
  const { loss: value, gradients } = lossAndGradients(model.variables(), () => {
    const { latents, output, loss, losses } = model.forward(vectors, { training: true, step });
    const reconstruction = VECTORS.loss(output, vectors, MSE);
    const own: Scalar = setup.extraLoss === undefined ? loss : add(loss, setup.extraLoss(latents));
    const total: Scalar = add(reconstruction, own);
    names.push(...Object.keys(losses));
    kept.push(keep(stack([total, reconstruction, ...Object.values(losses)]) as Tensor1D));
    return total;
  });
  value.dispose();
  const [stacked] = kept as [Tensor1D];
  const values = stacked.data().finally(() => stacked.dispose());
  return { numbers: { values, names }, gradients };
}

async function normsOf(
  model: TokenAutoencoder,
  gradients: Readonly<Record<string, Tensor>>,
): Promise<Record<Part, number | null>> {
  const norm = async (part: Part): Promise<number | null> => {
    let squares = 0;
    for (const variable of model.parts[part]) {
      for (const element of (await gradients[variable.name]?.data()) ?? []) squares += element * element;
    }
    return finite(Math.sqrt(squares));
  };
  return { encoder: await norm('encoder'), quantizer: await norm('quantizer'), decoder: await norm('decoder') };
}

/** How hard the quantizer's loss pulls at a token: the root mean square of its gradient there, the loss not divided by the tokens. */
async function lossGradientOf(model: TokenAutoencoder, vectors: Tensor2D, step: number): Promise<number | null> {
  const before = model.quantizer.rng.state();
  const gradient = tidy(() => {
    const lossOf = (z: Tensor): Scalar => model.quantizer.quantize(z, { training: true, step }).loss;
    return grad(lossOf)(model.latents(vectors));
  });
  model.quantizer.rng.restore(before);
  let squares = 0;
  for (const element of await gradient.data()) squares += element * element;
  gradient.dispose();
  const [tokens] = vectors.shape;
  return finite(Math.sqrt(squares * tokens));
}

/** Five digits, or null. */
function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? Number(value.toPrecision(5)) : null;
}
