import { add, keep, type Scalar, stack, type Tensor, type Tensor1D, type Variable } from '@tensorflow/tfjs-core';
import { phrase, type Quantizer } from '@vqkit/core-tensor';
import {
  type Accumulator,
  type AdamW,
  clipByGlobalNorm,
  createAccumulator,
  type Ema,
  globalNorm,
  learningRateAt,
} from '@vqkit/nn';
import { DivergenceError } from './errors.ts';
import { lossAndGradients } from './gradients.ts';
import { imageModality } from './modalities/images.ts';
import type { LossOptions, Modality } from './modality.ts';
import type { TrainRecord } from './records.ts';

/** What training asks of a tokenizer of any kind of data. */
export interface Trainable {
  readonly quantizer: Quantizer;
  /** The whole pass, with gradients. `training` turns on the losses and noise. */
  forward(examples: Tensor, options: { training: boolean; step?: number }): Pass;
  /** Everything that the optimizer trains, by state-dict name; may be nothing, of a quantizer that learns without gradients. */
  variables(): Record<string, Variable>;
}

/** What one pass gives; the caller disposes the tensors. */
interface Pass {
  readonly latents: Tensor;
  readonly quantized: Tensor;
  readonly indices: Tensor;
  readonly output: Tensor;
  readonly loss: Scalar;
  readonly losses: Readonly<Record<string, Scalar>>;
}

/** What training changes, beside the number of steps done. */
export interface TrainingState<Model extends Trainable = Trainable> {
  readonly model: Model;
  readonly optimizer: AdamW;
  /** Moving averages of the weights, which validation, test and tokenizer files then take. Default none. */
  readonly ema?: Ema | undefined;
}

/** Runs an evaluation with the weights that a user gets: the averages, where there are any. */
export function asInUse<T>({ ema }: Pick<TrainingState, 'ema'>, work: () => Promise<T>): Promise<T> {
  return ema === undefined ? work() : ema.withAverages(work);
}

/** What decides one step. */
export interface StepOptions extends LossOptions {
  readonly learningRate: number;
  /** Steps over which the learning rate rises. */
  readonly warmupSteps: number;
  /** What the learning rate does after that: stay, or fall along half a cosine to 0 at the last of `steps`. Default `constant`. */
  readonly schedule?: 'constant' | 'cosine' | undefined;
  /** Of the whole training; only `cosine` needs it. */
  readonly steps?: number | undefined;
  /** Largest global norm of the gradient, 0 for no limit. */
  readonly clipGradNorm: number;
}

/** The numbers of one step. */
export type StepResult = Pick<
  TrainRecord,
  'loss' | 'reconstruction' | 'quantizer' | 'losses' | 'gradientNorm' | 'learningRate'
>;

/**
 * One step of training: forward, backward, check, clip, update. `step` counts from 0. Leaves no tensors behind; `examples` stay the
 * caller's. Several batches make one step with the mean of their gradients, as of one large batch; what learns as a moving average moves with
 * each of them.
 *
 * @throws DivergenceError, before anything is updated, when the loss or the gradient is not finite; it names the first tensor in
 * the order weights (a weight that is not finite spoils all else), losses, gradients.
 */
export async function trainStep(
  { model, optimizer, ema }: TrainingState,
  examples: Tensor | readonly Tensor[],
  options: StepOptions,
  step: number,
  modality: Pick<Modality, 'loss'> = imageModality,
): Promise<StepResult> {
  const variables = model.variables();
  const batches = Array.isArray(examples) ? (examples as readonly Tensor[]) : [examples as Tensor];
  const { names, losses: kept, gradients } = passes(variables, model, batches, options, step, modality);
  const norm = globalNorm(gradients);
  const { learningRate: base, warmupSteps, schedule, steps } = options;
  const learningRate = learningRateAt(step, { base, warmupSteps, decay: schedule, steps });
  try {
    const [parts, gradientNorm] = await Promise.all([Promise.all(kept.map((each) => each.data())), norm.data()]);
    const [total = 0, reconstruction = 0, quantizer = 0, ...named] = meansOf(parts);
    const result = {
      loss: total,
      reconstruction,
      quantizer,
      losses: Object.fromEntries(names.map((name, i) => [name, named[i] as number])),
      gradientNorm: gradientNorm[0] as number,
      learningRate,
    };
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm)) {
      throw await divergence(step, result, variables, gradients);
    }
    if (options.clipGradNorm > 0) {
      const clipped = clipByGlobalNorm(gradients, norm, options.clipGradNorm);
      optimizer.step(clipped, learningRate);
      disposeAll(Object.values(clipped));
    } else {
      optimizer.step(gradients, learningRate);
    }
    ema?.update();
    return result;
  } finally {
    disposeAll([norm, ...kept, ...Object.values(gradients)]);
  }
}

interface Passes {
  /** Of the quantizer's losses. */
  readonly names: readonly string[];
  /** Of each batch: the whole loss, reconstruction, quantizer, and the quantizer's parts. */
  readonly losses: readonly Tensor1D[];
  /** Of one batch, or the mean of several. */
  readonly gradients: Readonly<Record<string, Tensor>>;
}

/** Forward and backward over the batches of a step. */
function passes(
  variables: Record<string, Variable>,
  model: Trainable,
  batches: readonly Tensor[],
  options: StepOptions,
  step: number,
  modality: Pick<Modality, 'loss'>,
): Passes {
  let names: string[] = [];
  const losses: Tensor1D[] = [];
  const accumulator: Accumulator | undefined = batches.length > 1 ? createAccumulator() : undefined;
  let last: Readonly<Record<string, Tensor>> = {};
  for (const batch of batches) {
    const { loss: value, gradients } = lossAndGradients(variables, () => {
      const { output, loss, losses: parts } = model.forward(batch, { training: true, step });
      const reconstruction = modality.loss(output, batch, options);
      const total: Scalar = add(reconstruction, loss);
      names = Object.keys(parts);
      losses.push(keep(stack([total, reconstruction, loss, ...Object.values(parts)]) as Tensor1D));
      return total;
    });
    value.dispose();
    last = gradients;
    if (accumulator === undefined) continue;
    accumulator.add(gradients);
    disposeAll(Object.values(gradients));
  }
  return { names, losses, gradients: accumulator?.take() ?? last };
}

/** Column by column. */
function meansOf(rows: readonly ArrayLike<number>[]): number[] {
  const [first = []] = rows;
  return Array.from(first, (_, j) => rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length);
}

async function divergence(
  step: number,
  result: StepResult,
  variables: Record<string, Variable>,
  gradients: Readonly<Record<string, Tensor>>,
): Promise<DivergenceError> {
  const { reconstruction, quantizer, losses, gradientNorm } = result;
  const numbers = {
    'reconstruction loss': [reconstruction],
    ...prefixed('quantizer loss', losses),
    'quantizer loss': [quantizer],
  };
  const suspects: [string, () => ArrayLike<number> | Promise<ArrayLike<number>>][] = [
    ...Object.entries(variables).map(([name, v]): [string, () => Promise<ArrayLike<number>>] => [
      `weight ${name}`,
      () => v.data(),
    ]),
    ...Object.entries(numbers).map(([name, values]): [string, () => number[]] => [name, () => values]),
    ...Object.entries(gradients).map(([name, g]): [string, () => Promise<ArrayLike<number>>] => [
      `gradient ${name}`,
      () => g.data(),
    ]),
  ];
  for (const [name, read] of suspects) {
    const bad = Array.from(await read()).find((value) => !Number.isFinite(value));
    if (bad !== undefined) return diverged(name, bad, step);
  }
  const name = 'norm of the gradient';
  return diverged(name, gradientNorm, step);
}

function prefixed(prefix: string, losses: Readonly<Record<string, number>>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(losses).map(([name, value]) => [`${prefix} ${name}`, [value]]));
}

function diverged(name: string, value: number, step: number): DivergenceError {
  const fix = 'Lower learningRate, add warmupSteps or set clipGradNorm.';
  return new DivergenceError('train', name, phrase(`${value} in step ${step + 1}`, value), fix, step);
}

function disposeAll(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}
