import { APART, CONTROL, OPEN, type Pool, type PoolWorkerData, SPINS } from './pool.ts';
import { poolOf, START_MS } from './share-work.ts';

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

/**
 * pool-worker.ts for a browser, as text: no bundler has to find a file, and no minifier can move a part of it elsewhere.
 */
const WORKER = `
onmessage = ({ data: { module, memory, names, control, args, worker } }) => {
  const state = new Int32Array(control);
  const values = new Float64Array(args);
  const functions = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const join = () => {
    for (;;) {
      const seen = Atomics.load(state, ${CONTROL.state});
      if ((seen & ${OPEN}) === 0) return false;
      if (Atomics.compareExchange(state, ${CONTROL.state}, seen, seen + 1) === seen) return true;
    }
  };
  const work = () => {
    const kernel = functions[names[state[${CONTROL.kernel}]]];
    const shared = values.subarray(0, state[${CONTROL.argCount}]);
    const units = state[${CONTROL.units}];
    const chunk = state[${CONTROL.chunk}];
    const threads = state[${CONTROL.threads}];
    for (let turn = 0; turn < threads; turn++) {
      const share = (worker + turn) % threads;
      const next = ${CONTROL.next} + share * ${APART};
      const last = Math.floor((units * (share + 1)) / threads);
      while (Atomics.load(state, next) < last) {
        const begin = Atomics.add(state, next, chunk);
        if (begin < last) kernel(...shared, begin, Math.min(last, begin + chunk), worker);
      }
    }
  };
  postMessage('ready');
  for (let seen = 0; ; ) {
    let spins = 0;
    while (Atomics.load(state, ${CONTROL.job}) === seen) {
      if (++spins > ${SPINS}) Atomics.wait(state, ${CONTROL.job}, seen);
    }
    seen = Atomics.load(state, ${CONTROL.job});
    if (!join()) continue;
    try {
      work();
    } catch {
      Atomics.store(state, ${CONTROL.failed}, 1);
    } finally {
      if (Atomics.sub(state, ${CONTROL.state}, 1) === 1) Atomics.notify(state, ${CONTROL.state});
    }
  }
};
`;
