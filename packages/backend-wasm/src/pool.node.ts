import { Worker } from 'node:worker_threads';
import type { Pool, PoolWorkerData } from './pool.ts';
import { WORK } from './pool-worker.ts';
import { poolOf, START_MS } from './share-work.ts';

const WORKER = `const { parentPort, workerData } = require('node:worker_threads');${WORK}work(workerData, () => parentPort.postMessage('ready'));`;

/** Starts `threads - 1` workers. Those that do not start within seconds are left out; with none left, gives undefined. */
export function startPool(
  threads: number,
  bytes: Uint8Array<ArrayBuffer>,
  memory: WebAssembly.Memory,
): Promise<Pool | undefined> {
  return poolOf(threads, bytes, memory, startWorker);
}

function startWorker(workerData: PoolWorkerData): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    const worker = new Worker(WORKER, { eval: true, workerData, execArgv: [] });
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
