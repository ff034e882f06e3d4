import { ready, setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';

export type EngineName = 'cpu' | 'wasm';

/** How each engine is started; throws where it cannot run on this machine. */
const engines: Record<EngineName, () => Promise<void>> = {
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    await start('cpu');
  },
  wasm: async () => {
    await import('@tensorflow/tfjs-backend-wasm');
    await start('wasm');
  },
};

async function start(name: string): Promise<void> {
  if (!(await setBackend(name))) throw new Error(`tf.setBackend('${name}') gave false`);
  await ready();
}

const required = (process.env.REQUIRE_BACKENDS ?? '').split(',').filter((name) => name !== '');

/** Runs a suite once per engine. A missing engine fails when REQUIRE_BACKENDS names it; otherwise its tests are skipped by name. */
export function eachEngine(suite: (engine: EngineName) => void): void {
  for (const name of Object.keys(engines) as EngineName[]) {
    describe(`on ${name}`, () => {
      beforeAll(async () => {
        await engines[name]();
      });
      suite(name);
    });
  }
  for (const name of required) {
    if (!(name in engines)) it.fails(`engine '${name}' of REQUIRE_BACKENDS is unknown`);
  }
}
