import { Interrupted } from '@vqkit/data';
import type { EncoderOptions } from './shard-encoder.ts';
import { startWorkerProcess, WorkerDied, type WorkerProcess } from './worker-process.ts';

interface PoolHooks {
  onOpened?(engine: string): void;
  /** Examples done in all. */
  onExamples?(done: number): void;
  onFinished?(shard: number, wasThere: boolean): void;
  onWarning?(message: string): void;
  readonly signal?: AbortSignal | undefined;
}

/** A shard that was not encoded, and why. */
export interface FailedShard {
  readonly shard: number;
  readonly reason: string;
}

/** Times that a shard is given to another process when one dies over it. */
const ATTEMPTS = 3;

/**
 * Encodes shards in several processes, each with an engine of its own. One that dies is replaced and its shard given to another.
 *
 * @returns the shards that failed; those not begun when the signal was aborted are left out.
 * @throws OptionError or CheckpointError when a process cannot begin.
 */
export async function encodeInPool(
  folder: string,
  shards: readonly number[],
  { workers, ...options }: EncoderOptions & { readonly workers: number },
  { onOpened, onExamples, onFinished, onWarning, signal }: PoolHooks = {},
): Promise<FailedShard[]> {
  const stopped = (): boolean => signal?.aborted === true;
  const waiting = [...shards];
  const attempts = new Map<number, number>();
  const failed: FailedShard[] = [];
  const inHand = new Map<number, number>();
  let finished = 0;
  const report = (shard: number, done: number | undefined): void => {
    if (done === undefined) inHand.delete(shard);
    else inHand.set(shard, done);
    onExamples?.([...inHand.values()].reduce((sum, each) => sum + each, finished));
  };
  const died = (shard: number, { message }: Error): void => {
    const attempt = (attempts.get(shard) ?? 0) + 1;
    attempts.set(shard, attempt);
    if (attempt < ATTEMPTS) waiting.push(shard);
    else failed.push({ shard, reason: `${message}, ${ATTEMPTS} times` });
    onWarning?.(`Shard ${shard}: ${message}${attempt < ATTEMPTS ? '; another does it' : ''}`);
  };

  /** One process, until nothing is left or it dies. */
  const work = async (worker: WorkerProcess): Promise<void> => {
    for (let shard = waiting.shift(); shard !== undefined; shard = waiting.shift()) {
      const own = shard;
      try {
        const { examples, wasThere } = await worker.encode(own, (done) => report(own, done));
        finished += examples;
        onFinished?.(own, wasThere);
      } catch (error) {
        if (error instanceof Interrupted) return;
        if (error instanceof WorkerDied) return died(own, error);
        failed.push({ shard: own, reason: (error as Error).message });
      } finally {
        report(own, undefined);
      }
      if (stopped()) return;
    }
  };
  const place = async (): Promise<void> => {
    while (waiting.length > 0 && !stopped()) {
      const worker = await startWorkerProcess(folder, options, onWarning);
      signal?.addEventListener('abort', worker.stop);
      if (stopped()) worker.stop();
      onOpened?.(worker.engine);
      try {
        await work(worker);
      } finally {
        signal?.removeEventListener('abort', worker.stop);
        worker.close();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, shards.length) }, place));
  return failed.sort((a, b) => a.shard - b.shard);
}
