import type { Diagnosis, TrackerReport } from '@vqkit/metrics';
import type { ExamplePairs } from './evaluate.ts';
import type { LatentHistograms } from './latent-histograms.ts';
import type { CodeHistogram, TrainRecord, ValidationRecord } from './records.ts';

/** What a training tells while it goes on. A progress bar, a file of metrics, a report and a live page listen to the same. */
export type TrainingEvent =
  | StepEvent
  /** The numbers of a step, every `logEvery` steps, of the first and of the last. */
  | TrainRecord
  /** The held-out examples, every `validateEvery` steps, before the first and after the last. */
  | ValidationRecord
  | CodesEvent
  | CheckpointEvent
  | TestEvent
  | ExamplesEvent
  | DiagnosisEvent;

/** After every step. */
export interface StepEvent {
  readonly kind: 'step';
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

/** The state after `step` steps is to be kept: training waits until whoever keeps it has done so. */
export interface CheckpointEvent {
  readonly kind: 'checkpoint';
  readonly step: number;
}

/** After every batch of the test at the end. */
export interface TestEvent {
  readonly kind: 'test';
  readonly step: number;
  /** Examples tested, of so many. */
  readonly done: number;
  readonly examples: number;
}

/** After every validation: how often each code occurred in it, and how latents lie to their codes and limits. */
export interface CodesEvent {
  readonly kind: 'codes';
  readonly step: number;
  /** One per codebook. */
  readonly histograms: readonly CodeHistogram[];
  readonly latents: LatentHistograms;
  /** The full statistics of the tokens. */
  readonly tracker: TrackerReport;
}

/** The first examples of a validation or of the test, and what the tokenizer makes of them. */
export interface ExamplesEvent {
  readonly kind: 'examples';
  readonly of: 'validation' | 'test';
  readonly step: number;
  readonly pairs: ExamplePairs;
  /** Of a validation: the token ids of these examples, one after the other. */
  readonly ids?: readonly number[] | undefined;
}

/** What the diagnosis found after the test. */
export interface DiagnosisEvent {
  readonly kind: 'diagnosis';
  readonly step: number;
  readonly found: readonly Diagnosis[];
}
