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
 * - Each thread has a share of the units, the same in every kernel, because what it wrote is still in its own cache. It takes its share
 *   in chunks, and then what is left of the others'. Which thread computes a unit never changes its bits.
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
  /** Set by a worker whose kernel threw. */
  failed: 6,
  threads: 7,
  /** Of the first thread's share, the first unit that is not taken yet; the other threads' follow. */
  next: 16,
} as const;

/** Apart, so that two threads seldom write to one line of a cache. */
export const APART = 16;

/** Integers of the control array. */
export function controlLength(threads: number): number {
  return CONTROL.next + threads * APART;
}

/** Where the share of a thread begins. The one of thread `threads` is the end. */
export function shareStart(units: number, threads: number, thread: number): number {
  return Math.floor((units * thread) / threads);
}

/** Puts all units back. */
export function fillShares(state: Int32Array, units: number, threads: number): void {
  for (let thread = 0; thread < threads; thread++) {
    Atomics.store(state, CONTROL.next + thread * APART, shareStart(units, threads, thread));
  }
}

/** Takes units for a thread, its own share first, until none is left. */
export function takeUnits(state: Int32Array, own: number, compute: (begin: number, end: number) => void): void {
  const units = state[CONTROL.units] as number;
  const threads = state[CONTROL.threads] as number;
  const chunk = state[CONTROL.chunk] as number;
  for (let turn = 0; turn < threads; turn++) {
    const share = (own + turn) % threads;
    const next = CONTROL.next + share * APART;
    const end = shareStart(units, threads, share + 1);
    // A counter is only read before it is taken from: it must not grow beyond what an int32 holds.
    while (Atomics.load(state, next) < end) {
      const begin = Atomics.add(state, next, chunk);
      if (begin < end) compute(begin, Math.min(end, begin + chunk));
    }
  }
}

/**
 * A worker looks for the next job this often, for half a millisecond or so, before it sleeps: the kernels of a training step follow each
 * other within that time, and waking a thread takes as long as a small kernel.
 */
export const SPINS = 30_000;

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
