import { tensor } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { type EngineName, eachEngine, expectClose, expectIdentical, startEngine, tolerances } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { createByKind, type Run, TRAINED, trainSome } from './training.ts';

const STEPS = 50;
const expected: Run[] = [];

beforeAll(async () => {
  await startEngine('cpu');
  for (const [kind, options] of TRAINED) expected.push(await trainSome(kind, options, STEPS));
});

eachEngine((engine) => {
  describe('training', () => {
    for (const [i, [kind, options]] of TRAINED.entries()) {
      it(`of ${kind} for ${STEPS} steps from equal weights gives the losses and weights that cpu gives`, async () => {
        await startEngine(engine);
        const { losses, scale } = await trainSome(kind, options, STEPS);
        expect(losses.at(-1)).toBeLessThan(losses[0] as number);
        await expectClose(losses, expected[i]?.losses ?? [], tolerances.training);
        await expectClose(scale, expected[i]?.scale ?? [], tolerances.training);
      });
    }
  });

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
