import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import { phrase } from '@vqkit/core-tensor';
import { DivergenceError } from './errors.ts';
import type { TrainRecord } from './records.ts';

/** A network that took part in a step. */
interface Part {
  readonly variables: Readonly<Record<string, Variable>>;
  readonly gradients: Readonly<Record<string, Tensor>>;
}

type Values = ArrayLike<number> | Promise<ArrayLike<number>>;
type Suspect = [name: string, read: () => Values];

/** The error of a step whose numbers are not all finite: of the first such in the order weights, losses, gradients, the model's before the discriminator's. */
export async function divergence(
  step: number,
  result: Pick<TrainRecord, 'reconstruction' | 'quantizer' | 'losses' | 'gradientNorm' | 'adversarial'>,
  model: Part,
  discriminator: Part = { variables: {}, gradients: {} },
): Promise<DivergenceError> {
  const { reconstruction, quantizer, losses, gradientNorm, adversarial } = result;
  const numbers = {
    'reconstruction loss': reconstruction,
    ...prefixed('quantizer loss', losses),
    'quantizer loss': quantizer,
    ...(adversarial && {
      'adversarial loss generator': adversarial.generator,
      'adversarial loss features': adversarial.features,
      'adversarial weight': adversarial.weight,
      'discriminator loss': adversarial.discriminator,
    }),
  };
  const suspects: Suspect[] = [
    ...tensors('weight', model.variables),
    ...tensors('discriminator weight', discriminator.variables),
    ...Object.entries(numbers).map(([name, value]): Suspect => [name, () => [value]]),
    ...tensors('gradient', model.gradients),
    ...tensors('discriminator gradient', discriminator.gradients),
  ];
  const isJudged = adversarial !== undefined;
  for (const [name, read] of suspects) {
    const bad = Array.from(await read()).find((value) => !Number.isFinite(value));
    if (bad !== undefined) return diverged(name, bad, step, isJudged);
  }
  const isOwn = !Number.isFinite(gradientNorm);
  const [name, norm] = isOwn
    ? ['norm of the gradient', gradientNorm]
    : ["norm of the discriminator's gradient", adversarial?.gradientNorm];
  return diverged(name, norm as number, step, isJudged);
}

function tensors(kind: string, named: Readonly<Record<string, Tensor>>): Suspect[] {
  return Object.entries(named).map(([name, tensor]) => [`${kind} ${name}`, () => tensor.data()]);
}

function prefixed(prefix: string, losses: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(losses).map(([name, value]) => [`${prefix} ${name}`, value]));
}

function diverged(name: string, value: number, step: number, isJudged: boolean): DivergenceError {
  const lower = isJudged ? 'learningRate or discriminatorWeight' : 'learningRate';
  const fix = `Lower ${lower}, add warmupSteps or set clipGradNorm.`;
  return new DivergenceError('train', name, phrase(`${value} in step ${step + 1}`, value), fix, step);
}
