import { dispose } from '@tensorflow/tfjs-core';
import { letSignalsIn } from '@vqkit/data';
import type { Examples, Modality } from './modality.ts';
import type { Trainable } from './step.ts';

/** Time of a whole step over that of its forward pass: what comes back costs about twice as much. */
const STEP_OVER_FORWARD = 3;

/**
 * About how many seconds a step of a training takes, by two forward passes over its first batch, of which the first warms up. Changes nothing:
 * neither weights nor the state of a random generator.
 */
export async function estimateStep(
  model: Trainable,
  modality: Pick<Modality, 'toTensor'>,
  train: Examples,
  { batchSize, accumulate = 1 }: { readonly batchSize: number; readonly accumulate?: number | undefined },
): Promise<number> {
  const size = Math.min(batchSize, train.count);
  const positions = Int32Array.from({ length: size }, (_, i) => i);
  const { rng } = model.quantizer;
  const before = rng.state();
  let seconds = 0;
  for (let pass = 0; pass < 2; pass++) {
    await letSignalsIn();
    const started = performance.now();
    const values = await train.batch(positions, 0);
    const examples = modality.toTensor(values, size, train.shape);
    const { losses, ...tensors } = model.forward(examples, { training: false });
    await tensors.output.data();
    dispose([examples, { ...tensors }, { ...losses }]);
    seconds = (performance.now() - started) / 1000;
  }
  rng.restore(before);
  return STEP_OVER_FORWARD * accumulate * seconds;
}
