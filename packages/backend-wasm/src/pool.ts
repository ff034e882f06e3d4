/** Threads beside the caller's, for functions of assembly/. */
export interface Pool {
  /** Threads in all, the caller's included. */
  readonly threads: number;
  /** Calls a function for the units 0 … units - 1, and returns when all are done. */
  run(name: string, units: number, args: readonly number[]): void;
  stop(): void;
}

/**
 * How the threads share the units of a kernel. All of it lives in two small shared arrays, so that handing out work costs a few
 * atomic instructions:
 *
 * - The caller writes the job, opens it, wakes the workers and takes units itself; a worker that comes late finds the job closed and
 *   goes back to sleep. Nobody ever waits for a worker that has not joined, so a slow or dead worker cannot stop the program.
 * - Units are taken in chunks, first come first served. Which thread computes a unit never changes its bits.
 */
export const CONTROL = {
  /** Counts jobs; workers sleep on it. */
  job: 0,
  /** OPEN while the job may be joined, plus the number of workers inside. */
  state: 1,
  kernel: 2,
  argCount: 3,
  units: 4,
  chunk: 5,
  /** First unit not taken yet. */
  next: 6,
  /** Set by a worker whose kernel threw. */
  failed: 7,
  length: 8,
} as const;

export const OPEN: number = 1 << 30;
/** No kernel has more arguments. */
export const MAX_ARGS = 48;

/** What a worker is started with. */
export interface PoolWorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly names: readonly string[];
  readonly control: SharedArrayBuffer;
  readonly args: SharedArrayBuffer;
  /** 1 … threads - 1; the caller is 0. */
  readonly worker: number;
}
