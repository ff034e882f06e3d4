import { engine, getBackend, type Tensor } from '@tensorflow/tfjs-core';
import { phrase, UnsupportedError } from './errors.ts';

/**
 * Throws unless the data of a tensor are on the active engine. tfjs itself moves them silently, by a read that stalls and that WebGPU
 * cannot do.
 *
 * @param where name of the calling function, and `what` of its argument, for errors.
 * @param fix what to do about it. Default how to move one tensor.
 * @throws UnsupportedError
 */
export function requireOnEngine(where: string, what: string, value: Tensor, fix: string = moving(what)): void {
  const { registry, state } = engine();
  const holder = value.isDisposed ? undefined : state.tensorInfo.get(value.dataId)?.backend;
  if (holder === undefined || holder === engine().backend) return;
  const name = Object.keys(registry).find((key) => registry[key] === holder);
  throw new UnsupportedError(
    where,
    what,
    `be on the active engine '${getBackend()}'`,
    phrase(`a tensor of ${name === undefined ? 'an engine that was removed' : `'${name}'`}`),
    fix,
  );
}

function moving(what: string): string {
  return `Switch back, read ${what} with await data(), and make it anew after the switch.`;
}
