import { Worker } from 'node:worker_threads';
import { CONTROL, MAX_ARGS, type Pool, type PoolWorkerData } from './pool.ts';
import { shareWork } from './share-work.ts';

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

  return shareWork({
    module,
    memory,
    names,
    control,
    args,
    threads: workers.length + 1,
    stop: () => {
      for (const worker of workers) void worker.terminate();
    },
  });
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
