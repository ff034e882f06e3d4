import { engine } from '@tensorflow/tfjs-core';
import { phrase, UnsupportedError } from './errors.ts';

let left = Number.POSITIVE_INFINITY;

/** What a quantizer or a layer counts as at least: thousands of them without a parameter take memory and time too. */
const SMALLEST_PART = 1024;
/** For a thousand such parts. */
const NOT_STORED = 1024 * SMALLEST_PART;

/**
 * Runs `make`, which may draw no more random numbers for parameters than a file holds, and make no more than a thousand quantizers and
 * layers beside: for a model that a file describes and that the size of the file bounds. What it would take is known before it is
 * allocated, and the variables of a `make` that throws are disposed.
 *
 * @param stored how many numbers the file holds.
 * @throws UnsupportedError, from within, when the model is larger.
 * @example
 * limitParameters(1e6, () => createVq({ dim: 1e5, codebookSize: 1e5 })); // throws
 */
export function limitParameters<T>(stored: number, make: () => T): T {
  const before = left;
  const { registeredVariables } = engine().state;
  const known = new Set(Object.keys(registeredVariables));
  left = Math.min(before, stored + NOT_STORED);
  try {
    return make();
  } catch (error) {
    // No one has a half-made model to dispose.
    for (const [name, made] of Object.entries(registeredVariables)) if (!known.has(name)) made.dispose();
    throw error;
  } finally {
    left = before;
  }
}

/** Counts what is about to be allocated: by default a part of a model, such as a layer. */
export function countParameters(count: number = SMALLEST_PART): void {
  if (count <= left) {
    left -= count;
    return;
  }
  throw new UnsupportedError(
    'limitParameters',
    'the model',
    'be no larger than its file',
    phrase(`${count - left} numbers more`, count - left),
    'Pass the description that was written with these weights.',
  );
}
