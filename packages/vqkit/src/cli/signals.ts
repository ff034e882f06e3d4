import { EXIT } from './errors.ts';

/** Ctrl-C and SIGTERM as an abort of what runs. */
export interface Stop {
  readonly signal: AbortSignal;
  /** Of a process that the signal has stopped. */
  exitCode(): number;
  release(): void;
}

/**
 * The first Ctrl-C or SIGTERM ends what runs in an orderly way, the second the process.
 * @param after what is still done, such as `step`.
 */
export function stopOnSignals(after: string): Stop {
  const controller = new AbortController();
  let code: number = EXIT.interrupted;
  const handlers = (['SIGINT', 'SIGTERM'] as const).map((name) => {
    const handler = (): void => {
      code = name === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
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
