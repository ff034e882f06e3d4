import type { Pool, PoolWorkerData } from './pool.ts';
import { WORK } from './pool-worker.ts';
import { poolOf, START_MS } from './share-work.ts';

const WORKER = `${WORK}onmessage = ({ data }) => work(data, () => postMessage('ready'));`;

/**
 * Starts `threads - 1` web workers. Those that do not start within seconds are left out; with none left (a content security policy
 * that forbids blob: workers), gives undefined.
 */
export async function startPool(
  threads: number,
  bytes: Uint8Array<ArrayBuffer>,
  memory: WebAssembly.Memory,
): Promise<Pool | undefined> {
  const address = URL.createObjectURL(new Blob([WORKER], { type: 'text/javascript' }));
  try {
    return await poolOf(threads, bytes, memory, (data) => startWorker(address, data));
  } finally {
    URL.revokeObjectURL(address);
  }
}

function startWorker(address: string, data: PoolWorkerData): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    let worker: Worker;
    try {
      worker = new Worker(address);
    } catch {
      resolve(undefined);
      return;
    }
    const settle = (started: Worker | undefined): void => {
      clearTimeout(timer);
      if (started === undefined) worker.terminate();
      resolve(started);
    };
    const timer = setTimeout(() => settle(undefined), START_MS);
    worker.onmessage = () => settle(worker);
    worker.onerror = () => settle(undefined);
    worker.postMessage(data);
  });
}
