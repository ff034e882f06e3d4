#!/usr/bin/env node
// `npm run fuzz -- --minutes 10`: reads damaged files with every reader, on the built packages. Each input is a function of the seed and of
// its number, so that `--seed 1 --from 1234 --inputs 1` runs one again, with the same `--readers` (a pattern of their names). Ends with 1
// when an error has no name, a damaged file is taken in silence, or an input takes more than 2 seconds or 500 MB; such files are kept in
// test-results/fuzz. Where an input ends the process itself, its number is the one that stands in test-results/fuzz/reading-SEED.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { root } from './setup.mjs';

const MOST_MS = 2000;
const MOST_BYTES = 500e6;
/** After this an input hangs. */
const HANGS_MS = 60_000;
const KEPT = `${root}test-results/fuzz`;

const { values: given } = parseArgs({
  options: {
    minutes: { type: 'string' },
    inputs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    readers: { type: 'string', default: '' },
  },
});
const seed = Number(given.seed);
const from = Number(given.from);
const to = from + Number(given.inputs ?? (given.minutes === undefined ? 20_000 : 2 ** 31 - 1 - from));
const until = given.minutes === undefined ? Number.MAX_SAFE_INTEGER : Date.now() + 60_000 * Number(given.minutes);

/** @typedef {{ inputs: number, accepted: number, refused: number, crash: number, silent: number, slow: number, mostMs: number }} Count */
/** @type {Map<string, Count>} */
const counts = new Map();
/** @type {string[]} */
const failures = [];
const at = new Int32Array(new SharedArrayBuffer(4));

/** @param {{ index: number, reader: string, file?: string, error?: string, bytes?: Uint8Array }} found @param {string} what */
function fail({ index, reader, file, error, bytes }, what) {
  const name = `${reader.replaceAll(' ', '-')}-${seed}-${index}`;
  if (bytes !== undefined) writeFileSync(`${KEPT}/${name}`, bytes);
  failures.push(name);
  console.log(
    `${what}: ${reader}, input ${index} of seed ${seed}${file === undefined ? '' : `, from ${file}`}\n${error ?? ''}`,
  );
}

mkdirSync(KEPT, { recursive: true });
const reading = `${KEPT}/reading-${seed}`;
const worker = new Worker(new URL('fuzz/worker.mjs', import.meta.url), {
  workerData: { seed, from, to, until, at, reading, readers: given.readers },
});
// Of the process, and what one input added while it was read.
let [peak, mostBytes, mostAt] = [0, 0, 0];
let [watched, since, before] = [-1, Date.now(), 0];
const watch = setInterval(() => {
  const { rss } = process.memoryUsage();
  peak = Math.max(peak, rss);
  if (watched !== at[0]) [watched, since, before] = [/** @type {number} */ (at[0]), Date.now(), rss];
  if (watched > from && rss - before > mostBytes) [mostBytes, mostAt] = [rss - before, watched];
  if (Date.now() - since > HANGS_MS) {
    clearInterval(watch);
    fail({ index: watched, reader: 'any' }, 'hangs');
    void worker.terminate();
  }
}, 5);
worker.on('message', (found) => {
  const { reader, outcome, ms } = found;
  const count = counts.get(reader) ?? { inputs: 0, accepted: 0, refused: 0, crash: 0, silent: 0, slow: 0, mostMs: 0 };
  counts.set(reader, count);
  count.inputs++;
  count[/** @type {'accepted' | 'refused' | 'crash' | 'silent'} */ (outcome)]++;
  count.mostMs = Math.max(count.mostMs, Math.round(ms));
  if (outcome === 'crash' || outcome === 'silent') fail(found, outcome);
  if (ms > MOST_MS) {
    count.slow++;
    fail(found, `takes ${Math.round(ms)} ms`);
  }
});
worker.on('error', (error) =>
  fail({ index: /** @type {number} */ (at[0]), reader: 'any', error: String(error.stack) }, 'ends the process'),
);
worker.on('exit', () => {
  clearInterval(watch);
  rmSync(reading, { force: true });
  console.table(Object.fromEntries(counts));
  const inputs = [...counts.values()].reduce((sum, count) => sum + count.inputs, 0);
  const memory = `${(mostBytes / 1e6).toFixed(0)} MB at most for one (${mostAt}), ${(peak / 1e6).toFixed(0)} MB for the process`;
  console.log(`${inputs} inputs of seed ${seed}, ${failures.length} failures, ${memory}`);
  if (mostBytes > MOST_BYTES) console.log(`more than ${MOST_BYTES / 1e6} MB`);
  process.exitCode = failures.length > 0 || mostBytes > MOST_BYTES ? 1 : 0;
});
