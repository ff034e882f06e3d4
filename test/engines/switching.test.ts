import { tensor } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { type EngineName, eachEngine, expectIdentical, startEngine } from '@vqkit/testing';
import { describe, it } from 'vitest';
import { createByKind, TRAINED } from './training.ts';

eachEngine((engine) => {
  describe('a live quantizer', () => {
    const others: readonly EngineName[] = ['cpu', 'wasm'];
    for (const other of others.filter((name) => name !== engine && !(name === 'wasm' && engine === 'wasm-threads'))) {
      for (const [kind, options] of TRAINED) {
        it(`${kind} moves to ${other} and back by its state, with the same ids`, async () => {
          await startEngine(engine);
          const here = createByKind(kind, options);
          const values = createRng(5).normalArray(40 * here.dim, 1);
          const ids = await here.encode(tensor(values, [40, here.dim])).data();
          // Read before the switch: an engine gives its data only while it runs.
          const state = await Promise.all(
            Object.entries(here.stateDict()).map(async ([name, t]) => [name, await t.array()] as const),
          );
          here.dispose();
          for (const next of [other, engine]) {
            await startEngine(next);
            const there = createByKind(kind, options);
            there.loadStateDict(Object.fromEntries(state.map(([name, array]) => [name, tensor(array)])));
            await expectIdentical(there.encode(tensor(values, [40, there.dim])), ids);
            there.dispose();
          }
        });
      }
    }
  });
});
