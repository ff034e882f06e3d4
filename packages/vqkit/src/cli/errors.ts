import { DtypeError, OptionError, QuantizerError, ShapeError } from '@vqkit/core-tensor/errors';
import { CommanderError } from 'commander';
import { printable } from './bar.ts';
import { withTypedNames } from './option-names.ts';

/** Exit codes of the command line; a signal gives 128 + its number, as in a shell. */
export const EXIT = { ok: 0, failed: 1, usage: 2, hungUp: 129, interrupted: 130, terminated: 143 } as const;

/** 2 for what the caller can mend in the call, 1 for everything else. */
export function exitCodeOf(error: unknown): number {
  const usage = [CommanderError, OptionError, ShapeError, DtypeError].some((kind) => error instanceof kind);
  return usage ? EXIT.usage : EXIT.failed;
}

/**
 * One line that says what was wrong; with `debug` the stack.
 * @param names how the options are typed that errors name.
 */
export function messageOf(error: unknown, debug: boolean, names: ReadonlyMap<string, string> = new Map()): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`;
  const message = error instanceof QuantizerError ? withTypedNames(error.message, names) : error.message;
  if (debug && error.stack !== undefined) return error.stack.replace(error.message, () => message);
  const text = printable(message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' '));
  const expected = error instanceof QuantizerError || error instanceof CommanderError;
  return `error: ${text}${expected ? '' : ' (unexpected; --debug shows the stack)'}`;
}
