import { engine, getBackend, type Tensor, type TensorContainer, tidy, util } from '@tensorflow/tfjs-core';
import { phrase, reason, UnsupportedError } from './errors.ts';

/** Bytes from which on it is asked whether there is an array of that size. */
const LARGE = 2 ** 30;

/**
 * Throws unless the active engine can have a tensor of this shape: where an engine says how long its tensors may be (`maxTensorBytes`), and on
 * tfjs's cpu engine, whose tensors are arrays of JavaScript.
 *
 * @param where name of the calling function, and `what` would have the shape.
 * @throws UnsupportedError
 */
export function requireRoom(where: string, what: string, shape: readonly number[]): void {
  const bytes = 4 * util.sizeFromShape([...shape]);
  const { maxTensorBytes: most = Number.POSITIVE_INFINITY } = engine().backend as { maxTensorBytes?: number };
  const name = getBackend();
  if (bytes <= most && (name !== 'cpu' || hasArray(bytes))) return;
  throw new UnsupportedError(
    where,
    what,
    bytes > most ? `have at most ${most} bytes on the engine '${name}'` : `fit into an array on the engine '${name}'`,
    phrase(`shape [${shape}] of ${bytes} bytes`, shape),
    'Use smaller batches.',
  );
}

function hasArray(bytes: number): boolean {
  if (bytes < LARGE) return true;
  try {
    return new ArrayBuffer(bytes).byteLength === bytes;
  } catch {
    return false;
  }
}

/**
 * Runs `f`, and gives the error of JavaScript that there is no array of the size that it asks for the name of the function and what it was given.
 *
 * @param given what sizes follow from, such as `z of shape [2,3]`.
 * @throws UnsupportedError
 */
export function namingSizes<T>(where: string, given: () => string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof RangeError) || !/array|allocation/i.test(error.message)) throw error;
    throw new UnsupportedError(
      where,
      given(),
      `fit into the arrays of the engine '${getBackend()}'`,
      reason(error),
      'Use smaller batches or codebooks.',
    );
  }
}

/** `tf.tidy` for what a call makes of one tensor, its argument `what`, with {@link namingSizes}. */
export function tidyOf<T extends TensorContainer>(where: string, what: string, given: Tensor, f: () => T): T {
  return namingSizes(
    where,
    () => `${what} of shape [${given.shape}]`,
    () => tidy(f),
  );
}
