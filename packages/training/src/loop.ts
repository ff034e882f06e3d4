import { createBatchOrder } from '@vqkit/data';
import { evaluate } from './evaluate.ts';
import type { CheckpointEvent, StepEvent } from './events.ts';
import type { Examples, Modality } from './modality.ts';
import type { TrainRecord, ValidationRecord } from './records.ts';
import { type StepOptions, type TrainingState, trainStep } from './step.ts';
import { takeSteps } from './take-steps.ts';

/** Of a run's configuration, what decides its training. */
export interface LoopOptions extends StepOptions {
  readonly steps: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly logEvery: number;
  readonly validateEvery: number;
  readonly checkpointEvery: number;
}

/** What a training works on. */
export interface LoopSession {
  readonly options: LoopOptions;
  readonly state: TrainingState;
  readonly modality: Modality;
  readonly train: Examples;
  /** May be empty. */
  readonly validation: Examples;
  /** Steps done before; undefined for a new run, which begins with a validation and a checkpoint. */
  readonly reached?: number | undefined;
  /** Seconds of training before, of a resumed run. */
  readonly elapsedSeconds?: number | undefined;
  /** Aborting it ends the training after the current step, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/** How a training ended. */
export interface LoopEnd {
  readonly status: 'finished' | 'interrupted';
  readonly step: number;
  readonly elapsedSeconds: number;
  /** Of the steps alone; null where none was done. */
  readonly stepsPerSecond: number | null;
}

/**
 * Trains step by step and yields what happens. It waits at each event until the consumer asks for the next, so that a checkpoint is of the
 * state at its step. The same options give the same weights, bit for bit, on the same engine, from any checkpoint.
 *
 * @throws DivergenceError when a loss, a gradient or a weight is not finite.
 */
export async function* trainLoop(
  session: LoopSession,
): AsyncGenerator<StepEvent | TrainRecord | ValidationRecord | CheckpointEvent, LoopEnd> {
  const { options, state, modality, train, validation, reached, signal } = session;
  const { steps, seed, batchSize } = options;
  const order = createBatchOrder({ count: train.count, batchSize, seed });
  const clock = stopwatch(session.elapsedSeconds ?? 0);
  let step = reached ?? 0;
  let checkpointed = reached;
  let trainingMs = 0;

  const position = (): { step: number; epoch: number; elapsedSeconds: number } => ({
    step,
    epoch: step / order.batchesPerEpoch,
    elapsedSeconds: clock(),
  });
  async function* validate(): AsyncGenerator<ValidationRecord> {
    if (validation.count === 0) return;
    const { quality, codes } = await evaluate(state.model, validation, { batchSize, step, modality });
    yield { kind: 'validation', ...position(), quality, codes };
  }
  function* checkpoint(): Generator<CheckpointEvent> {
    if (checkpointed === step) return;
    checkpointed = step;
    yield { kind: 'checkpoint', step };
  }
  const due = (every: number): boolean => step % every === 0 || step === steps;
  const end = (status: LoopEnd['status']): LoopEnd => {
    const done = step - (reached ?? 0);
    return { status, step, elapsedSeconds: clock(), stepsPerSecond: done === 0 ? null : (1000 * done) / trainingMs };
  };

  if (reached === undefined) {
    yield* validate();
    yield* checkpoint();
  }
  const all = takeSteps({
    steps,
    reached: step,
    signal,
    batch: (at) => {
      const positions = order.at(at);
      return modality.toTensor(train.batch(positions), positions.length, train.shape);
    },
    take: (examples, at) => trainStep(state, examples, options, at, modality),
  });
  for await (const { step: done, result, ms } of all) {
    trainingMs += ms;
    step = done;
    yield { kind: 'step', step, steps, loss: result.loss };
    if (step === 1 || due(options.logEvery)) yield { kind: 'train', ...position(), ...result };
    if (due(options.validateEvery)) yield* validate();
    if (due(options.checkpointEvery)) yield* checkpoint();
  }
  if (step === steps) return end('finished');
  yield* checkpoint();
  return end('interrupted');
}

/** Seconds since its creation, on top of those before. */
function stopwatch(before: number): () => number {
  const started = performance.now();
  return () => before + (performance.now() - started) / 1000;
}
