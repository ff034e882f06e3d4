import { ready, setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';

export type EngineName = 'cpu' | 'wasm';

/** How each engine is started; throws where it cannot run on this machine. */
const engines: Record<EngineName, () => Promise<void>> = {
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    if (!(await setBackend('cpu'))) throw new Error("tf.setBackend('cpu') gave false");
    await ready();
  },
  wasm: async () => {
    const { init } = await import('@vqkit/backend-wasm');
    await init();
  },
};

/** Makes an engine the active one. Tensors made before stay usable: tfjs moves their data when they are next read. */
export async function startEngine(name: EngineName): Promise<void> {
  await engines[name]();
}

const required = (process.env.REQUIRE_BACKENDS ?? '').split(',').filter((name) => name !== '');

/** Runs a suite once per engine. A missing engine fails when REQUIRE_BACKENDS names it; otherwise its tests are skipped by name. */
export function eachEngine(suite: (engine: EngineName) => void): void {
  for (const name of Object.keys(engines) as EngineName[]) {
    describe(`on ${name}`, () => {
      beforeAll(async () => {
        await startEngine(name);
      });
      suite(name);
    });
  }
  for (const name of required) {
    if (!(name in engines)) it.fails(`engine '${name}' of REQUIRE_BACKENDS is unknown`);
  }
}
