import type { Pool } from './pool.ts';

/** In a browser tfjs decides by itself whether to use shared memory; our kernels run on the page's thread. */
export function coreCount(): number {
  return 1;
}

export async function loadSharedModule(): Promise<object> {
  throw new Error('threads are started in Node only');
}

export async function startPool(
  _threads: number,
  _bytes: Uint8Array<ArrayBuffer>,
  _memory: WebAssembly.Memory,
): Promise<Pool | undefined> {
  return undefined;
}

export function removeCrashHandlers(): void {}
