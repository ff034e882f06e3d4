export { startPool } from './pool.browser.ts';

/** Threads need shared memory, which a page has when it is cross-origin isolated. */
export function coreCount(): number {
  return globalThis.crossOriginIsolated === true ? (navigator.hardwareConcurrency ?? 1) : 1;
}

export function removeCrashHandlers(): void {}
