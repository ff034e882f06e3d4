import { dispose, type Tensor } from '@tensorflow/tfjs-core';
import { letSignalsIn } from '@vqkit/data';
import type { Discriminator } from './discriminators/discriminator.ts';
import type { Examples, Modality } from './modality.ts';
import type { Trainable } from './step.ts';

/** Time of a whole step over that of its forward pass: what comes back costs about twice as much. */
const STEP_OVER_FORWARD = 3;

/** The same of a discriminator: once through it and back for the tokenizer, twice and back to the weights for itself. */
const JUDGED_OVER_FORWARD = 8;

interface StepSize {
  readonly batchSize: number;
  /** Batches of a step. Default 1. */
  readonly accumulate?: number | undefined;
}

/**
 * About how many seconds a step of a training takes, by two forward passes over its first batch, of which the first warms up. Changes nothing:
 * neither weights nor the state of a random generator.
 */
export async function estimateStep(
  model: Trainable,
  modality: Pick<Modality, 'toTensor'>,
  train: Examples,
  size: StepSize,
): Promise<number> {
  const { rng } = model.quantizer;
  const before = rng.state();
  const forward = await secondsOfPass(modality, train, size, async (examples) => {
    const { losses, ...tensors } = model.forward(examples, { training: false });
    await tensors.output.data();
    dispose([{ ...tensors }, { ...losses }]);
  });
  rng.restore(before);
  return STEP_OVER_FORWARD * forward;
}

/** About how many seconds a discriminator adds to a step, by two passes through it. */
export async function estimateJudgement(
  discriminator: Discriminator,
  modality: Pick<Modality, 'toTensor'>,
  train: Examples,
  size: StepSize,
): Promise<number> {
  const pass = await secondsOfPass(modality, train, size, async (examples) => {
    const { scores, features } = discriminator.judge(examples);
    await Promise.all(scores.map((each) => each.data()));
    dispose([[...scores], [...features]]);
  });
  return JUDGED_OVER_FORWARD * pass;
}

/** Seconds of the second of two passes over the first batch, times those of a step. */
async function secondsOfPass(
  modality: Pick<Modality, 'toTensor'>,
  train: Examples,
  { batchSize, accumulate = 1 }: StepSize,
  pass: (examples: Tensor) => Promise<void>,
): Promise<number> {
  const size = Math.min(batchSize, train.count);
  const positions = Int32Array.from({ length: size }, (_, i) => i);
  let seconds = 0;
  for (let run = 0; run < 2; run++) {
    await letSignalsIn();
    const started = performance.now();
    const values = await train.batch(positions, 0);
    const examples = modality.toTensor(values, size, train.shape);
    await pass(examples);
    examples.dispose();
    seconds = (performance.now() - started) / 1000;
  }
  return accumulate * seconds;
}
