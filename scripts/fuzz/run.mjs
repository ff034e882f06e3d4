import assert from 'node:assert/strict';
import { createRng, QuantizerError } from '../../packages/core-tensor/dist/index.js';
import { requireNamed } from './errors.mjs';
import { pick } from './mutate.mjs';
import { emptyFolder, READERS } from './readers.mjs';

/**
 * @typedef {import('./readers.mjs').Reader} Reader
 * @typedef {{ index: number, reader: Reader, whole: import('./readers.mjs').Whole, bytes: Uint8Array }} Input
 * @typedef {{ outcome: 'accepted' | 'refused' | 'crash' | 'silent', error?: unknown, ms: number }} Outcome ms on the clock, or of the processors where those are fewer
 */

/**
 * The damaged file number `index` of a seed.
 * @param {number} seed
 * @param {number} index
 * @param {readonly Reader[]} readers
 * @returns {Input}
 */
export function inputOf(seed, index, readers = READERS) {
  const rng = createRng(seed).fork(`input ${index}`);
  let place = rng.integer(readers.reduce((sum, { weight }) => sum + weight, 0));
  const reader = /** @type {Reader} */ (
    readers.find(({ weight }) => {
      place -= weight;
      return place < 0;
    })
  );
  const whole = pick(rng, reader.corpus);
  const other = pick(rng, pick(rng, READERS).corpus).bytes;
  return { index, reader, whole, bytes: pick(rng, reader.mutators)(rng, whole.bytes, other) };
}

/**
 * Reads a damaged file.
 * @param {Input} input
 * @param {string} folder for the files that the reader needs
 * @returns {Promise<Outcome>}
 */
export async function tryInput({ reader, whole, bytes }, folder) {
  const input = await emptyFolder(folder);
  const began = performance.now();
  const used = process.cpuUsage();
  // A machine that others use stops a process for seconds; processors that work for it do not count those.
  const ended = () => {
    const { user, system } = process.cpuUsage(used);
    return Math.min(performance.now() - began, (user + system) / 1000);
  };
  try {
    await reader.read(bytes, whole, input);
    return { outcome: 'accepted', ms: ended() };
  } catch (error) {
    const ms = ended();
    try {
      requireNamed(error);
      return { outcome: 'refused', ms };
    } catch (unnamed) {
      const isSilent = unnamed instanceof assert.AssertionError && !(error instanceof QuantizerError);
      return { outcome: isSilent ? 'silent' : 'crash', error: unnamed, ms };
    }
  }
}

/** Every whole file must be read: a fuzzer whose files are all refused finds nothing. @param {string} folder */
export async function tryCorpus(folder) {
  /** @type {string[]} */
  const refused = [];
  for (const reader of READERS) {
    for (const whole of reader.corpus) {
      const { outcome } = await tryInput({ index: -1, reader, whole, bytes: whole.bytes }, folder);
      if (outcome !== 'accepted') refused.push(`${reader.name}: ${whole.name} is ${outcome}`);
    }
  }
  return refused;
}
