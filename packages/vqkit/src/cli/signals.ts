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

/**
 * Runs work on batches until it ends or a signal stops it.
 * @param end what is done at the end however it came, such as taking a bar away.
 * @returns what the work gave, or the exit code of a stopped process.
 */
export async function untilStopped<Result extends { readonly status: 'finished' | 'interrupted' }>(
  work: (signal: AbortSignal) => Promise<Result>,
  end: () => void,
): Promise<Extract<Result, { status: 'finished' }> | number> {
  const stop = stopOnSignals('batch');
  try {
    const result = await work(stop.signal);
    if (isFinished(result)) return result;
    process.stderr.write('Stopped.\n');
    return stop.exitCode();
  } finally {
    end();
    stop.release();
  }
}

function isFinished<Result extends { readonly status: string }>(
  result: Result,
): result is Extract<Result, { status: 'finished' }> {
  return result.status === 'finished';
}
