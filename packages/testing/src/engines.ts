import { env, ready, removeBackend, scalar, setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';

export type EngineName = 'cpu' | 'wasm' | 'wasm-threads' | 'native';

/** How each engine is started; throws where it cannot run on this machine. */
const engines: Record<EngineName, () => Promise<void>> = {
  cpu: startCpu,
  wasm: () => startWasm(1),
  'wasm-threads': () => startWasm(2),
  native: async () => {
    const reason = await nativeMissing();
    if (reason !== undefined) throw new Error(reason);
  },
};

async function startCpu(): Promise<void> {
  await import('@tensorflow/tfjs-backend-cpu');
  if (!(await setBackend('cpu'))) throw new Error("tf.setBackend('cpu') gave false");
  await ready();
  // The first write prints an advertisement for tfjs-node, except here. Not for longer: the flag also makes tfjs take a cache that is
  // filled inside an operation for a leak.
  env().set('IS_TEST', true);
  scalar(0).dispose();
  env().set('IS_TEST', false);
}

let wasmThreads: number | undefined;

/** tfjs can hold one wasm engine at a time: starting it with another number of threads destroys the tensors of the one before. */
async function startWasm(threads: number): Promise<void> {
  const { init } = await import('@vqkit/backend-wasm');
  if (wasmThreads !== undefined && wasmThreads !== threads) removeBackend('wasm');
  await init({ threads });
  wasmThreads = threads;
}

/** Starts native TensorFlow, or tells why it cannot. */
async function nativeMissing(): Promise<string | undefined> {
  const { startNative } = await import('@vqkit/backend-node');
  const started = await startNative();
  return 'reason' in started ? started.reason : undefined;
}

/** Makes an engine the active one. Tensors made on another engine stay usable: tfjs moves their data when they are next read. */
export async function startEngine(name: EngineName): Promise<void> {
  await engines[name]();
}

const required = (process.env.REQUIRE_BACKENDS ?? '').split(',').filter((name) => name !== '');

/** Why an engine cannot run here. Only the native one may be missing: a wasm engine that does not start is a bug. */
const missing: Partial<Record<EngineName, string>> = {};
const whyNoNative = await nativeMissing();
if (whyNoNative !== undefined) missing.native = whyNoNative;

/**
 * Runs a suite once per engine. A missing engine fails when REQUIRE_BACKENDS (a comma list) names it; otherwise its suite is skipped,
 * with the reason in its name.
 */
export function eachEngine(suite: (engine: EngineName) => void): void {
  for (const name of Object.keys(engines) as EngineName[]) {
    const reason = missing[name];
    const skipped = reason !== undefined && !required.includes(name);
    describe.skipIf(skipped)(skipped ? `on ${name}: skipped, ${reason}` : `on ${name}`, () => {
      beforeAll(async () => {
        await startEngine(name);
      });
      suite(name);
    });
  }
  for (const name of required) {
    if (name in engines) continue;
    it(`REQUIRE_BACKENDS names the engine '${name}'`, () => {
      throw new Error(`REQUIRE_BACKENDS: '${name}' must be one of ${Object.keys(engines).join(', ')}.`);
    });
  }
}
