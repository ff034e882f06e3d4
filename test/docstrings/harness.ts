// What the examples of docstrings call: it is copied beside them into a user's project.
import { inspect, isDeepStrictEqual } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { encodeSafetensors } from '@vqkit/checkpoint';
import { toSafeTensor } from '@vqkit/checkpoint/tensors';
import { createLfq } from '@vqkit/lfq';

/** Whether a value is what a comment says first: a number, a list, or a message that is thrown. Prose says nothing. */
export async function verify(make: () => unknown, promise: string): Promise<void> {
  const message = /^throws\b/.test(promise)
    ? ''
    : /^[a-z]\w*(?:\(\)\.\w+)?: (?=\S+ must)/.test(promise)
      ? promise
      : undefined;
  if (message !== undefined) {
    try {
      make();
    } catch (error) {
      if ((error as Error).message.startsWith(message)) return;
      throw new Error(`promised "${message}", threw "${(error as Error).message}"`);
    }
    throw new Error('promised to throw, and did not');
  }
  const value = make();
  const [literal] =
    /^(?:(?:Int32Array |int32 )?\[[-\d., [\]]*\]|-?\d+(?:\.\d+)?(?![\w.]*[^\s\w.:,]))/.exec(promise) ?? [];
  if (literal === undefined || promise.includes('→')) return;
  const expected: unknown = JSON.parse(literal.replace(/^[^[]*(?=\[)/, ''));
  const digits = Math.max(0, ...[...literal.matchAll(/\.(\d+)/g)].map(([, each = '']) => each.length));
  const found = await plain(value);
  if (alike(found, expected, digits) || (value instanceof tf.Tensor && isDeepStrictEqual(value.shape, expected)))
    return;
  throw new Error(`promised ${literal}, got ${inspect(found)}`);
}

async function plain(value: unknown): Promise<unknown> {
  if (value instanceof tf.Tensor) return value.array();
  if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array);
  return Array.isArray(value) ? Promise.all(value.map(plain)) : value;
}

function alike(found: unknown, expected: unknown, digits: number): boolean {
  if (Array.isArray(found) && Array.isArray(expected)) {
    return found.length === expected.length && found.every((each, i) => alike(each, expected[i], digits));
  }
  if (typeof found !== 'number' && typeof found !== 'boolean') return false;
  return Math.abs(Number(found) - Number(expected)) <= 0.5001 * 10 ** -digits * (digits === 0 ? 1e-3 : 1);
}

/** The weights of a quantizer as a file. */
export async function exportedLfq(): Promise<Uint8Array> {
  const state = Object.entries(createLfq({ codebookSize: 16 }).stateDict());
  return encodeSafetensors(
    Object.fromEntries(await Promise.all(state.map(async ([name, t]) => [name, await toSafeTensor(t)]))),
  );
}
