import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEngine } from '../scripts/fuzz/engine.mjs';
import { makeFolder, READERS } from '../scripts/fuzz/readers.mjs';
import { inputOf, tryCorpus, tryInput } from '../scripts/fuzz/run.mjs';

/** `npm run fuzz` goes on from here, with other seeds. */
const SEED = 1;
const INPUTS = 60;

let folder = '';
beforeAll(async () => {
  await startEngine();
  folder = await makeFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('every reader reads the whole files', async () => {
  expect(await tryCorpus(folder)).toEqual([]);
});

it('the same seed and number give the same damaged file', () => {
  for (const index of [0, 1, 2]) expect(inputOf(SEED, index).bytes).toEqual(inputOf(SEED, index).bytes);
});

it.each(READERS.map((reader) => [reader.name, reader] as const))(
  '%s: takes damaged files that obey its rules and refuses the others by name',
  async (_, reader) => {
    const outcomes = { accepted: 0, refused: 0 };
    // Those that are rare in the fuzzer too take long.
    const inputs = reader.weight === 1 ? INPUTS / 4 : INPUTS;
    for (let index = 0; index < inputs; index++) {
      const { outcome, error } = await tryInput(inputOf(SEED, index, [reader]), folder);
      if (outcome !== 'accepted' && outcome !== 'refused') throw error;
      outcomes[outcome]++;
    }
    // Metrics are read line by line, and what is no record is named and left out; shards that are not whole are encoded again.
    if (!['metrics.jsonl', 'shards, encoded again'].includes(reader.name))
      expect(outcomes.refused).toBeGreaterThan(inputs / 4);
  },
);
