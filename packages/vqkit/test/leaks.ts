import { dispose, memory } from '@tensorflow/tfjs-core';
import { QuantizerError } from '@vqkit/core-tensor';
import { expect } from 'vitest';

type Tensors = Parameters<typeof dispose>[0];

/** Runs a call outside `tf.tidy`: what it returns must be all that it made, and nothing where it throws. */
export async function keepsOnlyItsResult(call: () => unknown): Promise<void> {
  const once = async (): Promise<void> => {
    try {
      dispose((await call()) as Tensors);
    } catch (error) {
      if (!(error instanceof QuantizerError)) throw error;
    }
  };
  await once();
  const before = memory().numTensors;
  for (let i = 0; i < 3; i++) await once();
  expect(memory().numTensors - before).toBe(0);
}
