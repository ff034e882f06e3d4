import {
  add,
  keep,
  stack,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  type Variable,
  variableGrads,
} from '@tensorflow/tfjs-core';
import { clipByGlobalNorm, globalNorm, learningRateAt } from '@vqkit/nn';
import { DivergenceError } from './errors.ts';
import { reconstructionLoss } from './reconstruction-loss.ts';
import type { TrainRecord } from './report-data.ts';
import type { TrainConfig } from './train-options.ts';
import type { TrainingState } from './training-state.ts';

/** The numbers of one step. */
export type StepResult = Pick<
  TrainRecord,
  'loss' | 'reconstruction' | 'quantizer' | 'losses' | 'gradientNorm' | 'learningRate'
>;

/**
 * One step of training: forward, backward, check, clip, update. `step` counts from 0. Leaves no tensors behind; `images` stays the
 * caller's.
 *
 * @throws DivergenceError, before anything is updated, when the loss or the gradient is not finite; it names the first tensor in
 * the order weights (a weight that is not finite spoils all else), losses, gradients.
 */
export async function trainStep(
  { model, optimizer }: TrainingState,
  images: Tensor4D,
  config: TrainConfig,
  step: number,
): Promise<StepResult> {
  const variables = model.variables();
  const names: string[] = [];
  const kept: Tensor1D[] = [];
  const { value, grads } = variableGrads(() => {
    const { output, loss, losses } = model.forward(images, { training: true, step });
    const reconstruction = reconstructionLoss(output, images, config.loss, config.clampOutput);
    names.push(...Object.keys(losses));
    kept.push(keep(stack([reconstruction, loss, ...Object.values(losses)]) as Tensor1D));
    return add(reconstruction, loss);
  }, Object.values(variables));
  const gradients = byName(variables, grads);
  const norm = globalNorm(gradients);
  const learningRate = learningRateAt(step, { base: config.learningRate, warmupSteps: config.warmupSteps });
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
    if (config.clipGradNorm > 0) {
      const clipped = clipByGlobalNorm(gradients, norm, config.clipGradNorm);
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

/** TensorFlow.js names gradients by the variables' own, generated names. */
function byName(variables: Record<string, Variable>, grads: Record<string, Tensor>): Record<string, Tensor> {
  const named = Object.entries(variables).map(([name, variable]) => [name, grads[variable.name]] as const);
  return Object.fromEntries(named.filter((entry): entry is [string, Tensor] => entry[1] !== undefined));
}

async function divergence(
  step: number,
  result: StepResult,
  variables: Record<string, Variable>,
  gradients: Record<string, Tensor>,
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
    if (bad !== undefined) return new DivergenceError(describe(name, bad, step), name, step);
  }
  const name = 'norm of the gradient';
  return new DivergenceError(describe(name, gradientNorm, step), name, step);
}

function prefixed(prefix: string, losses: Readonly<Record<string, number>>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(losses).map(([name, value]) => [`${prefix} ${name}`, [value]]));
}

function describe(name: string, value: number, step: number): string {
  return `train: ${name} must be finite, got ${value} in step ${step + 1}. Lower learningRate, add warmupSteps or set clipGradNorm.`;
}

function disposeAll(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}
