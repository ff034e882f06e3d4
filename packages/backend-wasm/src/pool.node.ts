import { Worker } from 'node:worker_threads';
import { CONTROL, MAX_ARGS, OPEN, type Pool, type PoolWorkerData } from './pool.ts';

/** Starts `threads - 1` workers. Those that do not start within seconds are left out; with none left, gives undefined. */
export async function startPool(
  threads: number,
  bytes: Uint8Array<ArrayBuffer>,
  memory: WebAssembly.Memory,
): Promise<Pool | undefined> {
  const module = await WebAssembly.compile(bytes);
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  const control = new SharedArrayBuffer(4 * CONTROL.length);
  const args = new SharedArrayBuffer(8 * MAX_ARGS);
  const starting = Array.from({ length: threads - 1 }, (_, i) => {
    const data: PoolWorkerData = { module, memory, names, control, args, worker: i + 1 };
    return startWorker(data);
  });
  const workers = (await Promise.all(starting)).filter((worker) => worker !== undefined);
  if (workers.length === 0) return undefined;

  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const functions = exports as Record<string, (...args: number[]) => void>;
  const state = new Int32Array(control);
  const values = new Float64Array(args);
  return {
    threads: workers.length + 1,
    run(name, units, given) {
      const kernel = functions[name] as (...args: number[]) => void;
      values.set(given);
      state[CONTROL.kernel] = names.indexOf(name);
      state[CONTROL.argCount] = given.length;
      state[CONTROL.units] = units;
      // Small enough to even out, large enough to be worth an atomic instruction.
      const chunk = Math.max(1, Math.floor(units / (8 * (workers.length + 1))));
      state[CONTROL.chunk] = chunk;
      Atomics.store(state, CONTROL.next, 0);
      Atomics.store(state, CONTROL.state, OPEN);
      Atomics.add(state, CONTROL.job, 1);
      Atomics.notify(state, CONTROL.job);
      try {
        for (;;) {
          const begin = Atomics.add(state, CONTROL.next, chunk);
          if (begin >= units) break;
          kernel(...given, begin, Math.min(units, begin + chunk), 0);
        }
      } finally {
        close(state);
      }
      if (Atomics.exchange(state, CONTROL.failed, 0) !== 0)
        throw new Error(`backend-wasm: ${name} failed in a worker.`);
    },
    stop() {
      for (const worker of workers) void worker.terminate();
    },
  };
}

/** Lets no more workers in, and waits for those that are inside. */
function close(state: Int32Array): void {
  Atomics.and(state, CONTROL.state, ~OPEN);
  for (let spins = 0; ; spins++) {
    const inside = Atomics.load(state, CONTROL.state);
    if (inside === 0) return;
    if (spins > 2000) Atomics.wait(state, CONTROL.state, inside);
  }
}

const START_MS = 10_000;

function startWorker(workerData: PoolWorkerData): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./pool-worker.js', import.meta.url), { workerData, execArgv: [] });
    // From here on the worker does not keep the process alive; the timer does, until the worker has answered.
    worker.unref();
    const timer = setTimeout(() => settle(undefined), START_MS);
    const settle = (started: Worker | undefined): void => {
      clearTimeout(timer);
      if (started === undefined) void worker.terminate();
      resolve(started);
    };
    worker.once('message', () => settle(worker));
    worker.on('error', () => settle(undefined));
    worker.once('exit', () => settle(undefined));
  });
}
