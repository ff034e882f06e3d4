export const STACKS = ['vq', 'simvq', 'lfq', 'fsq'] as const;
export type StackName = (typeof STACKS)[number];

/** What one process does: time a stack and one of its layers on one thread of the wasm engine, in turns. */
export interface StackTask {
  readonly stack: StackName;
  readonly layers: number;
  readonly tokens: number;
  /** How long the two take turns before they are timed. */
  readonly warmUpMs: number;
  readonly repetitions: number;
}

/** Milliseconds of every repetition. */
export interface StackTimes {
  readonly work: string;
  readonly one: readonly number[];
  readonly stack: readonly number[];
}
