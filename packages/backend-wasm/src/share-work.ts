import {
  CONTROL,
  controlLength,
  fillShares,
  MAX_ARGS,
  OPEN,
  type Pool,
  type PoolWorkerData,
  takeUnits,
} from './pool.ts';

/** A worker of either platform, once it runs. */
interface StartedWorker {
  terminate(): unknown;
}

/** How long a worker may take to answer. */
export const START_MS = 10_000;

/** Starts `threads - 1` workers by `start`. Those that give undefined are left out; with none left, gives undefined. */
export async function poolOf(
  threads: number,
  bytes: Uint8Array<ArrayBuffer>,
  memory: WebAssembly.Memory,
  start: (data: PoolWorkerData) => Promise<StartedWorker | undefined>,
): Promise<Pool | undefined> {
  const module = await WebAssembly.compile(bytes);
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  const control = new SharedArrayBuffer(4 * controlLength(threads));
  const args = new SharedArrayBuffer(8 * MAX_ARGS);
  const shared = { module, memory, names, control, args };
  const starting = Array.from({ length: threads - 1 }, (_, i) => start({ ...shared, worker: i + 1 }));
  const started = await Promise.all(starting);
  const last = started.findLastIndex((worker) => worker !== undefined);
  if (last < 0) return undefined;
  return shareWork({
    ...shared,
    // A worker that is missing in between leaves its share to the others.
    threads: last + 2,
    stop: () => {
      for (const worker of started) worker?.terminate();
    },
  });
}

/** What the calling thread needs of its workers, once they run. */
interface Workers extends Omit<PoolWorkerData, 'worker'> {
  /** The caller's included. */
  readonly threads: number;
  stop(): void;
}

/** The calling thread's side of a pool. */
async function shareWork(workers: Workers): Promise<Pool> {
  const { module, memory, names, control, args, threads, stop } = workers;
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const functions = exports as Record<string, (...args: number[]) => void>;
  const state = new Int32Array(control);
  const values = new Float64Array(args);
  state[CONTROL.threads] = threads;
  return {
    threads,
    stop,
    run(name, units, given) {
      const kernel = functions[name] as (...args: number[]) => void;
      values.set(given);
      state[CONTROL.kernel] = names.indexOf(name);
      state[CONTROL.argCount] = given.length;
      state[CONTROL.units] = units;
      // Small enough to even out, large enough to be worth an atomic instruction.
      const chunk = Math.max(1, Math.floor(units / (8 * threads)));
      state[CONTROL.chunk] = chunk;
      fillShares(state, units, threads);
      Atomics.store(state, CONTROL.state, OPEN);
      Atomics.add(state, CONTROL.job, 1);
      Atomics.notify(state, CONTROL.job);
      try {
        takeUnits(state, 0, (begin, end) => kernel(...given, begin, end, 0));
      } finally {
        close(state);
      }
      if (Atomics.exchange(state, CONTROL.failed, 0) !== 0)
        throw new Error(`backend-wasm: ${name} failed in a worker.`);
    },
  };
}

/** A page's own thread may not sleep; the workers inside are about to finish, so that it spins. */
const maySleep = typeof document === 'undefined';

/** Lets no more workers in, and waits for those that are inside. */
function close(state: Int32Array): void {
  Atomics.and(state, CONTROL.state, ~OPEN);
  for (let spins = 0; ; spins++) {
    const inside = Atomics.load(state, CONTROL.state);
    if (inside === 0) return;
    if (maySleep && spins > 2000) Atomics.wait(state, CONTROL.state, inside);
  }
}
