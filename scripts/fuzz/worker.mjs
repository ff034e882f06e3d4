// Reads damaged files one after the other; what it is at stands in memory that the main thread watches.
import { openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { startEngine } from './engine.mjs';
import { makeFolder, READERS } from './readers.mjs';
import { inputOf, tryCorpus, tryInput } from './run.mjs';

/** @type {{ seed: number, from: number, to: number, until: number, at: Int32Array, reading: string, readers: string }} */
const { seed, from, to, until, at, reading, readers } = workerData;
const chosen = READERS.filter(({ name }) => new RegExp(readers).test(name));
await startEngine();
const folder = await makeFolder();
const file = openSync(reading, 'w');
try {
  const refused = await tryCorpus(folder);
  if (refused.length > 0) throw new Error(`whole files are refused: ${refused.join('; ')}`);
  for (let index = from; index < to && Date.now() < until; index++) {
    Atomics.store(at, 0, index);
    writeSync(file, `${index}\n`, 0);
    const input = inputOf(seed, index, chosen);
    const { outcome, error, ms } = await tryInput(input, folder);
    const isBad = outcome === 'crash' || outcome === 'silent';
    parentPort?.postMessage({
      index,
      reader: input.reader.name,
      outcome,
      ms,
      ...(isBad && {
        bytes: input.bytes,
        file: input.whole.name,
        error: String((error instanceof Error && error.stack) || error),
      }),
    });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
