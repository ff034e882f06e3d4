import { availableParallelism } from 'node:os';

export { startPool } from './pool.node.ts';

/** Cores that this process may use. */
export function coreCount(): number {
  return availableParallelism();
}

/**
 * Takes back the two process-wide handlers that tfjs's WebAssembly modules install in Node. They only throw again what they are given,
 * which turns the report of any later error of the program into 50 kB of minified source and exit code 7.
 */
export function removeCrashHandlers(): void {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    for (const listener of process.listeners(event as 'uncaughtException')) {
      if (RETHROWS.includes(String(listener))) process.removeListener(event, listener);
    }
  }
}

const RETHROWS = ['function(ex){if(!(ex instanceof ExitStatus)){throw ex}}', 'function(reason){throw reason}'];
