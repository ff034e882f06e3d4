import { dispose, type TensorContainer } from '@tensorflow/tfjs-core';
import { letSignalsIn } from '@vqkit/data';

/** A training as a row of steps. */
export interface Steps<Batch extends TensorContainer, Result> {
  /** Number of the last step. */
  readonly steps: number;
  /** Steps done before. Default 0. */
  readonly reached?: number | undefined;
  /** Aborting it ends the training after the current step. */
  readonly signal?: AbortSignal | undefined;
  /** What step `step`, from 0, is taken on: of a set what stands at its position, of a stream without end what comes next. It is freed after the step. */
  batch(step: number): Batch | Promise<Batch>;
  take(batch: Batch, step: number): Result | Promise<Result>;
}

/** A step that was taken. */
export interface StepTaken<Result> {
  /** Steps done, this one included. */
  readonly step: number;
  readonly result: Result;
  /** Of its batch and the step, in milliseconds. */
  readonly ms: number;
}

/**
 * The loop of every training: a batch, a step, and the next when the consumer asks for it. A consumer that leaves ends it.
 *
 * @example
 * const variables = { x: tf.variable(tf.scalar(1)) };
 * const optimizer = createAdamW({ variables });
 * const batch = () => tf.randomNormal([16]); // a stream without end
 * const take = async (z: tf.Tensor) => {
 *   const loss = minimise({ variables, optimizer, learningRate: 0.1 }, () => tf.mean(tf.square(tf.sub(z, variables.x))));
 *   return (await loss.data())[0];
 * };
 * for await (const { step, result } of takeSteps({ steps: 3, batch, take })) console.log(step, result);
 */
export async function* takeSteps<Batch extends TensorContainer, Result>({
  steps,
  reached = 0,
  signal,
  batch,
  take,
}: Steps<Batch, Result>): AsyncGenerator<StepTaken<Result>, void> {
  for (let step = reached; step < steps; step++) {
    const started = performance.now();
    const drawn = await batch(step);
    let result: Result;
    try {
      result = await take(drawn, step);
    } finally {
      dispose(drawn);
    }
    yield { step: step + 1, result, ms: performance.now() - started };
    await letSignalsIn();
    if (signal?.aborted === true) return;
  }
}

/** {@link takeSteps} where nobody watches. */
export async function takeAllSteps<Batch extends TensorContainer>(steps: Steps<Batch, unknown>): Promise<void> {
  for await (const _ of takeSteps(steps));
}
