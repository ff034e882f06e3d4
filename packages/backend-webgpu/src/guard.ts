import type { KernelConfig } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@vqkit/core-tensor';

/** What a kernel of this engine runs on. */
interface Careful {
  withoutLeaks<T>(kernel: () => T): T;
}

/** The kernel that runs, for messages. */
let running = 'webgpu';

/** What a device cannot hold, or show a kernel, at once: `needed` counts it. */
export function tooLarge(
  what: string,
  limit: string,
  most: number,
  needed: unknown,
  fix: string,
  where: string = running,
): UnsupportedError {
  return new UnsupportedError(where, what, `be at most ${most} on this device (${limit})`, needed, fix);
}

/** Makes a kernel say its name in errors, and leave nothing behind when it throws. */
export function guardKernel(config: KernelConfig): void {
  const { kernelName, kernelFunc } = config;
  config.kernelFunc = (call) => {
    const outer = running;
    running = kernelName;
    try {
      return (call.backend as Careful).withoutLeaks(() => kernelFunc(call));
    } finally {
      running = outer;
    }
  };
}
