import { DtypeError, OptionError, QuantizerError, ShapeError } from '@vqkit/core-tensor/errors';
import { CommanderError } from 'commander';

/** Exit codes of the command line; a signal gives 128 + its number, as in a shell. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** 2 for what the caller can mend in the call, 1 for everything else. */
export function exitCodeOf(error: unknown): number {
  const usage = [CommanderError, OptionError, ShapeError, DtypeError].some((kind) => error instanceof kind);
  return usage ? EXIT.usage : EXIT.failed;
}

/** One line that says what was wrong; with `debug` the stack. */
export function messageOf(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`;
  if (debug && error.stack !== undefined) return error.stack;
  const text = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  const expected = error instanceof QuantizerError || error instanceof CommanderError;
  return `error: ${text}${expected ? '' : ' (unexpected; --debug shows the stack)'}`;
}
