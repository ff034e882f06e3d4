import { APART, CONTROL, OPEN, SPINS } from './pool.ts';

/**
 * What a worker runs, as text: no bundler has to find a file, and no minifier can move a part of it elsewhere. `work(data, ready)` takes
 * {@link PoolWorkerData}, says that it is ready, and works for ever; each platform adds how it is called. It is the worker's side of
 * {@link takeUnits}.
 */
export const WORK: string = `
function work({ module, memory, names, control, args, worker }, ready) {
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
  const takeUnits = () => {
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
  ready();
  for (let seen = 0; ; ) {
    let spins = 0;
    while (Atomics.load(state, ${CONTROL.job}) === seen) {
      if (++spins > ${SPINS}) Atomics.wait(state, ${CONTROL.job}, seen);
    }
    seen = Atomics.load(state, ${CONTROL.job});
    if (!join()) continue;
    try {
      takeUnits();
    } catch {
      Atomics.store(state, ${CONTROL.failed}, 1);
    } finally {
      if (Atomics.sub(state, ${CONTROL.state}, 1) === 1) Atomics.notify(state, ${CONTROL.state});
    }
  }
}
`;
