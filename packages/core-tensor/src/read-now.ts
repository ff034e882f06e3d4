import { engine, getBackend, type Tensor, type TypedArray } from '@tensorflow/tfjs-core';

/** Engines that work on a device of their own: to read there is to wait for all that was asked before, and in Node impossible. */
const ON_A_DEVICE = ['webgpu', 'webgl'];

/**
 * The values of a tensor at once, where the engine computes as it is called and a read is a copy; undefined on a graphics processor, where
 * there is only `await data()`. For a number or a flag that saves work: the result must be the same without it.
 *
 * @example
 * const done = readNow(flag)?.[0] === 1; // false: not done, or not known
 */
export function readNow(x: Tensor): TypedArray | undefined {
  return ON_A_DEVICE.includes(getBackend()) ? undefined : (engine().readSync(x.dataId) as TypedArray);
}
