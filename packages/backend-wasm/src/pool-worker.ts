import { parentPort, workerData } from 'node:worker_threads';
import { CONTROL, OPEN, type PoolWorkerData, SPINS, takeUnits } from './pool.ts';

const { module, memory, names, control, args, worker } = workerData as PoolWorkerData;
const state = new Int32Array(control);
const values = new Float64Array(args);
const functions = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<
  string,
  (...args: number[]) => void
>;

function join(): boolean {
  for (;;) {
    const seen = Atomics.load(state, CONTROL.state);
    if ((seen & OPEN) === 0) return false;
    if (Atomics.compareExchange(state, CONTROL.state, seen, seen + 1) === seen) return true;
  }
}

function leave(): void {
  if (Atomics.sub(state, CONTROL.state, 1) === 1) Atomics.notify(state, CONTROL.state);
}

function work(): void {
  const at = (field: number): number => state[field] as number;
  const kernel = functions[names[at(CONTROL.kernel)] as string] as (...args: number[]) => void;
  const shared = values.subarray(0, at(CONTROL.argCount));
  takeUnits(state, worker, (begin, end) => kernel(...shared, begin, end, worker));
}

parentPort?.postMessage('ready');
for (let seen = 0; ; ) {
  let spins = 0;
  while (Atomics.load(state, CONTROL.job) === seen) {
    if (++spins > SPINS) Atomics.wait(state, CONTROL.job, seen);
  }
  seen = Atomics.load(state, CONTROL.job);
  if (!join()) continue;
  try {
    work();
  } catch {
    Atomics.store(state, CONTROL.failed, 1);
  } finally {
    leave();
  }
}
