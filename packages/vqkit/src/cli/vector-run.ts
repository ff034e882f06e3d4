import { counted } from '@vqkit/schema';
import type { EncodedVectors, VectorHooks, VectorResult } from '@vqkit/train';
import { createImageProgress, type ImageProgress } from './image-progress.ts';
import { untilStopped } from './signals.ts';

/**
 * Runs work on vectors with bars on stderr, until it ends or a signal stops it.
 * @returns what it gave, or the exit code of a stopped process.
 */
export async function runOnVectors<Finished>(
  work: (hooks: VectorHooks) => Promise<VectorResult<Finished>>,
): Promise<Extract<VectorResult<Finished>, { status: 'finished' }> | number> {
  let bar: ImageProgress | undefined;
  const notes = createImageProgress(process.stderr);
  return untilStopped(
    (signal) =>
      work({
        onStart: ({ rows, dim, engine }) => notes.note(`${counted(rows, 'row')} of ${dim} numbers, engine ${engine}`),
        onPart(unit, total) {
          bar?.stop();
          bar = createImageProgress(process.stderr, unit);
          bar.start(total);
        },
        onDone: (done) => bar?.done(done),
        onWarning: (message) => notes.note(`note: ${message}`),
        signal,
      }),
    () => bar?.stop(),
  );
}

/** Error, collisions, and a line per level. */
export function vectorText({ rows, error, levels, collisions, bitsPerRow }: EncodedVectors): string {
  const { tuples, colliding, groups, largest } = collisions;
  const shared =
    groups === 0
      ? 'no two rows share all ids'
      : `${counted(colliding, 'row')} share ids with others (${counted(groups, 'group')}, the largest of ${largest})`;
  const lines = levels.map(({ codebookSize, used, perplexity, error: left }, j) => {
    const depth = left === null ? '' : `   ${left.toPrecision(3).padStart(9)}`;
    return `${String(j).padStart(5)}   ${`${used} of ${codebookSize}`.padStart(14)}   ${perplexity.toFixed(1).padStart(10)}${depth}\n`;
  });
  const hasError = levels.some(({ error: left }) => left !== null);
  return `${counted(rows, 'row')} in ${bitsPerRow.toFixed(1)} bits each: error ${error.toPrecision(3)} of the variance; ${counted(tuples, 'tuple')}, ${shared}
level       codes used   perplexity${hasError ? '       error' : ''}
${lines.join('')}`;
}
