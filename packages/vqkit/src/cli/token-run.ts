import { counted } from '@vqkit/schema';
import type { TokenHooks, TokenResult } from '@vqkit/train';
import type { Command } from 'commander';
import { type Flags, flagsOf } from './flags.ts';
import { createImageProgress } from './image-progress.ts';
import { untilStopped } from './signals.ts';

/** Adds a flag to a command for each option of a JSON Schema, and gives them. */
export function addFlags(command: Command, schema: object): Flags[] {
  const flags = flagsOf(schema);
  for (const { options } of flags) for (const option of options) command.addOption(option);
  return flags;
}

/** What the user gave of those flags. */
export function givenOf(flags: readonly Flags[], given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    flags.filter(({ name }) => given[name] !== undefined).map(({ name }) => [name, given[name]]),
  );
}

/**
 * Runs the work on images with a bar on stderr, until it ends or a signal stops it.
 * @returns what it gave, or the exit code of a stopped process.
 */
export async function runOnImages<Finished>(
  work: (hooks: TokenHooks) => Promise<TokenResult<Finished>>,
  noun = 'image',
): Promise<Extract<TokenResult<Finished>, { status: 'finished' }> | number> {
  const progress = createImageProgress(process.stderr, `${noun}s`);
  return untilStopped(
    (signal) =>
      work({
        onStart({ images, engine }) {
          progress.note(`${counted(images, noun)}, engine ${engine}`);
          progress.start(images);
        },
        onImages: (done) => progress.done(done),
        onWarning: (message) => progress.note(`warning: ${message}`),
        signal,
      }),
    () => progress.stop(),
  );
}
