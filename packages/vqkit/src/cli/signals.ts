import { EXIT } from './errors.ts';

/** Ctrl-C, SIGTERM and the end of the terminal as an abort of what runs. */
export interface Stop {
  readonly signal: AbortSignal;
  /** Of a process that the signal has stopped. */
  exitCode(): number;
  release(): void;
}

/** A shell's exit code of each signal that stops. */
const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;

/**
 * The first Ctrl-C, SIGTERM or SIGHUP ends what runs in an orderly way, the second the process.
 * @param after what is still done, such as `step`.
 */
export function stopOnSignals(after: string): Stop {
  const controller = new AbortController();
  let code: number = EXIT.interrupted;
  const handlers = Object.entries(CODES).map(([name, itsCode]) => {
    const handler = (): void => {
      code = itsCode;
      if (controller.signal.aborted) process.exit(code);
      controller.abort();
      process.stderr.write(`\nStopping after this ${after}; once more to stop at once.\n`);
    };
    process.on(name, handler);
    return { name, handler };
  });
  return {
    signal: controller.signal,
    exitCode: () => code,
    release: () => {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}
