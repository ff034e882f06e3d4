import type { Tensor } from '@tensorflow/tfjs-core';
import { type BatchOrder, createBatchOrder } from '@vqkit/data';
import { type EvaluatedTokens, evaluate } from './evaluate.ts';
import type { CheckpointEvent, CodesEvent, ExamplesEvent, StepEvent } from './events.ts';
import type { Examples, Modality } from './modality.ts';
import type { TrainRecord, ValidationRecord } from './records.ts';
import { asInUse, type StepOptions, type TrainingState, trainStep } from './step.ts';
import { takeSteps } from './take-steps.ts';

/** Of a run's configuration, what decides its training. */
export interface LoopOptions extends StepOptions {
  readonly steps: number;
  readonly batchSize: number;
  /** Batches whose gradients make one step. Default 1. */
  readonly accumulate?: number | undefined;
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
  /** Which examples each batch has. Default a new random order of all in every epoch. */
  readonly order?: BatchOrder | undefined;
  /** May be empty. */
  readonly validation: Examples;
  /** Steps done before; undefined for a new run, which begins with a validation and a checkpoint. */
  readonly reached?: number | undefined;
  /** Seconds of training before, of a resumed run. */
  readonly elapsedSeconds?: number | undefined;
  /** Aborting it ends the training after the current step, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/** Examples of each validation that are shown. */
const PAIRS = 8;

/** What a validation gives. */
type Validated = ValidationRecord | CodesEvent | ExamplesEvent;

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
): AsyncGenerator<StepEvent | TrainRecord | Validated | CheckpointEvent, LoopEnd> {
  const { options, state, modality, train, validation, reached, signal } = session;
  const { steps, seed, batchSize, accumulate = 1 } = options;
  const { count, together } = train;
  const { order = createBatchOrder({ count, batchSize, seed, together }) } = session;
  const clock = stopwatch(session.elapsedSeconds ?? 0);
  let step = reached ?? 0;
  let checkpointed = reached;
  let trainingMs = 0;

  const position = (): { step: number; epoch: number; elapsedSeconds: number } => ({
    step,
    epoch: (step * accumulate) / order.batchesPerEpoch,
    elapsedSeconds: clock(),
  });
  async function* validate(): AsyncGenerator<Validated> {
    if (validation.count === 0) return;
    const ids: number[] = [];
    // Of as many examples as are kept: the first batches may be smaller than that.
    let seen = 0;
    const onTokens = ({ indices }: EvaluatedTokens, examples: number): void => {
      const kept = Math.min(examples, PAIRS - seen);
      if (kept > 0) ids.push(...indices.subarray(0, (indices.length / examples) * kept));
      seen += examples;
    };
    const evaluated = (): ReturnType<typeof evaluate> =>
      evaluate(state.model, validation, { batchSize, step, modality, keepPairs: PAIRS, onTokens });
    const { quality, codes, histograms, latents, tracker, pairs } = await asInUse(state, evaluated);
    yield { kind: 'validation', ...position(), quality, codes };
    yield { kind: 'codes', step, histograms, latents, tracker };
    yield { kind: 'examples', of: 'validation', step, pairs, ids };
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
  const perExample = train.shape.reduce((product, length) => product * length, 1);
  const draws = readAhead(train.readAhead ?? 0, steps * accumulate, (draw) => train.batch(order.at(draw), draw));
  const all = takeSteps({
    steps,
    reached: step,
    signal,
    batch: async (at) => {
      const batches: Tensor[] = [];
      for (let i = 0; i < accumulate; i++) {
        const values = await draws(at * accumulate + i);
        batches.push(modality.toTensor(values, values.length / perExample, train.shape));
      }
      return batches;
    },
    take: (batches, at) => trainStep(state, batches, options, at, modality),
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

/** Asks for the next so many of `total` batches as well, in their order, each once. */
function readAhead(
  ahead: number,
  total: number,
  read: (draw: number) => Float32Array | Promise<Float32Array>,
): (draw: number) => Promise<Float32Array> {
  const asked = new Map<number, Promise<Float32Array>>();
  const ask = (draw: number): Promise<Float32Array> => {
    const there = asked.get(draw);
    if (there !== undefined) return there;
    const values = Promise.resolve(read(draw));
    // Whoever waits for it is told; a training that ends before does not.
    values.catch(() => undefined);
    asked.set(draw, values);
    return values;
  };
  return (draw) => {
    const values = ask(draw);
    asked.delete(draw);
    for (let next = draw + 1; next <= Math.min(draw + ahead, total - 1); next++) ask(next);
    return values;
  };
}

/** Seconds since its creation, on top of those before. */
function stopwatch(before: number): () => number {
  const started = performance.now();
  return () => before + (performance.now() - started) / 1000;
}
