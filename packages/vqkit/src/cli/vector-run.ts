import { counted } from '@vqkit/schema';
import type { VectorHooks, VectorResult } from '@vqkit/train';
import { createImageProgress } from './image-progress.ts';
import { untilStopped } from './signals.ts';

/**
 * Runs work on vectors with a bar on stderr, until it ends or a signal stops it.
 * @returns what it gave, or the exit code of a stopped process.
 */
export async function runOnVectors<Finished>(
  work: (hooks: VectorHooks) => Promise<VectorResult<Finished>>,
): Promise<Extract<VectorResult<Finished>, { status: 'finished' }> | number> {
  const progress = createImageProgress(process.stderr, 'rows');
  return untilStopped(
    (signal) =>
      work({
        onStart({ rows, dim, engine }) {
          progress.note(`${counted(rows, 'row')} of ${dim} numbers, engine ${engine}`);
          progress.start(rows);
        },
        onRows: (done) => progress.done(done),
        onWarning: (message) => progress.note(`note: ${message}`),
        signal,
      }),
    () => progress.stop(),
  );
}
