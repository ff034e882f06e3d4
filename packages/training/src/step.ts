import { add, keep, type Scalar, stack, type Tensor, type Tensor1D, type Variable } from '@tensorflow/tfjs-core';
import { phrase, type Quantizer } from '@vqkit/core-tensor';
import { type AdamW, clipByGlobalNorm, globalNorm, learningRateAt } from '@vqkit/nn';
import { DivergenceError } from './errors.ts';
import { lossAndGradients } from './gradients.ts';
import { MODALITIES } from './modalities.ts';
import type { LossOptions, Modality } from './modality.ts';
import type { TrainRecord } from './records.ts';

/** What training asks of a tokenizer of any kind of data. */
export interface Trainable {
  readonly quantizer: Quantizer;
  /** The whole pass, with gradients. `training` turns on the losses and noise. */
  forward(examples: Tensor, options: { training: boolean; step?: number }): Pass;
  /** Everything that the optimizer trains, by state-dict name. */
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
}

/** What decides one step. */
export interface StepOptions extends LossOptions {
  readonly learningRate: number;
  /** Steps over which the learning rate rises. */
  readonly warmupSteps: number;
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
 * caller's.
 *
 * @throws DivergenceError, before anything is updated, when the loss or the gradient is not finite; it names the first tensor in
 * the order weights (a weight that is not finite spoils all else), losses, gradients.
 */
export async function trainStep(
  { model, optimizer }: TrainingState,
  examples: Tensor,
  options: StepOptions,
  step: number,
  modality: Pick<Modality, 'loss'> = MODALITIES.image,
): Promise<StepResult> {
  const variables = model.variables();
  const names: string[] = [];
  const kept: Tensor1D[] = [];
  const { loss: value, gradients } = lossAndGradients(variables, () => {
    const { output, loss, losses } = model.forward(examples, { training: true, step });
    const reconstruction = modality.loss(output, examples, options);
    names.push(...Object.keys(losses));
    kept.push(keep(stack([reconstruction, loss, ...Object.values(losses)]) as Tensor1D));
    return add(reconstruction, loss);
  });
  const norm = globalNorm(gradients);
  const learningRate = learningRateAt(step, { base: options.learningRate, warmupSteps: options.warmupSteps });
  try {
    const [total, parts, gradientNorm] = await Promise.all([value.data(), (kept[0] as Tensor1D).data(), norm.data()]);
    const [reconstruction = 0, quantizer = 0, ...named] = parts;
    const result = {
      loss: total[0] as number,
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
    return result;
  } finally {
    disposeAll([value, norm, ...kept, ...Object.values(gradients)]);
  }
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
