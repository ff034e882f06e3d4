import { OptionError, phrase, QuantizerError } from '@vqkit/core-tensor';
import { folderStore, MANIFEST, readManifest } from '@vqkit/tokens';
import { type EncoderOptions, startWorkerProcess, type WorkerProcess } from '@vqkit/train';
import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { type QueueOptions, queueName, type ShardJob, withQueue } from './queue.ts';
import { connect } from './redis.ts';

/** Options of {@link workQueue}. */
export interface WorkOptions extends QueueOptions, EncoderOptions {
  /** Processes at the same time. Default 1. */
  readonly workers?: number | undefined;
  /** Where this machine sees the folder, if not at the path of the queue. */
  readonly folder?: string | undefined;
  /** Seconds that a worker which says nothing keeps its shard. Default 30. */
  readonly lockSeconds?: number | undefined;
  /** Waits for more when nothing is left. Default false: it ends. */
  readonly stay?: boolean | undefined;
}

/** What a caller of {@link workQueue} may watch and stop. */
export interface WorkHooks {
  onShard?(shard: number, wasThere: boolean): void;
  onWarning?(message: string): void;
  /** Aborting it ends the work after the current batch and gives shards in hand back to the queue. */
  readonly signal?: AbortSignal | undefined;
}

/** What one call has done. */
export interface Worked {
  readonly done: number;
  readonly failed: number;
}

/** A process apart does the work, so that this one can always say that it is there. */
const LOCK_SECONDS = 30;
/** Times that a shard may lose its worker. */
const MOST_STALLED = 100;
/** Shards one after the other that a worker cannot begin before it ends: the fault is its machine's. */
const MOST_FAULTS = 3;
/** How often it looks whether anything is left. */
const LOOK_MS = 1000;

/**
 * Encodes shards from a queue until none is left, or stopped. A worker that dies loses its shard to another within the time of its lock; one that two have done is the same
 * file twice.
 *
 * @throws OptionError or UnsupportedError as the server answers; what keeps it from beginning any shard, such as a folder that this machine does not see or another version of
 * vqkit, after three in a row: they are left for others.
 */
export async function workQueue(
  { workers = 1, folder: own, stay = false, lockSeconds = LOCK_SECONDS, ...options }: WorkOptions,
  { onShard, onWarning, signal }: WorkHooks = {},
): Promise<Worked> {
  const { redis, queue, ...encoder } = options;
  const connection = await connect('workQueue', redis);
  const idle: { readonly folder: string; readonly process: WorkerProcess }[] = [];
  const busy = new Set<WorkerProcess>();
  const fault = new AbortController();
  const stop = signal === undefined ? fault.signal : AbortSignal.any([signal, fault.signal]);
  const stopped = (): boolean => stop.aborted;
  let [done, failed, faults] = [0, 0, 0];

  /** A process that waits for work in this folder, or a new one. */
  const take = async (folder: string): Promise<WorkerProcess> => {
    const at = idle.findIndex((each) => each.folder === folder);
    const [found] = at < 0 ? [] : idle.splice(at, 1);
    return found?.process ?? (await startWorkerProcess(folder, encoder, onWarning));
  };

  const begin = async (folder: string, manifest: string): Promise<WorkerProcess> => {
    try {
      await requireManifest(folder, manifest);
      const process = await take(folder);
      faults = 0;
      return process;
    } catch (error) {
      if (error instanceof QuantizerError && ++faults >= MOST_FAULTS) fault.abort(error);
      throw error;
    }
  };

  const work = async (job: Job<ShardJob>, token: string | undefined): Promise<void> => {
    const { shard, manifest } = job.data;
    const folder = own ?? job.data.folder;
    const giveBack = async (): Promise<never> => {
      await job.moveToWait(token);
      throw new WaitingError();
    };
    if (stopped()) return giveBack();
    const process = await begin(folder, manifest);
    busy.add(process);
    try {
      const { wasThere } = await process.encode(shard, (examples) => {
        job.updateProgress(examples).catch(() => undefined);
      });
      busy.delete(process);
      idle.push({ folder, process });
      onShard?.(shard, wasThere);
    } catch (error) {
      busy.delete(process);
      process.close();
      if (stopped()) return giveBack();
      throw error;
    }
  };
  const worker = new Worker<ShardJob>(queueName({ redis, queue }), (job, token) => work(job, token), {
    connection,
    concurrency: workers,
    lockDuration: 1000 * lockSeconds,
    stalledInterval: 500 * lockSeconds,
    maxStalledCount: MOST_STALLED,
  });
  worker.on('error', (error) => onWarning?.(error.message));
  worker.on('completed', () => {
    done++;
  });
  worker.on('failed', (job, error) => {
    const tries = job === undefined ? '' : ` (try ${job.attemptsMade} of ${job.opts.attempts})`;
    if (job !== undefined && job.attemptsMade >= (job.opts.attempts ?? 1)) failed++;
    onWarning?.(`Shard ${job?.data.shard}${tries}: ${error.message}`);
  });
  try {
    await untilDone({ redis, queue }, stay, stop);
    for (const process of busy) process.stop();
  } finally {
    await worker.close();
    for (const { process } of idle) process.close();
    connection.disconnect();
  }
  fault.signal.throwIfAborted();
  return { done, failed };
}

/** A shard of a folder that was planned anew since would be another: no try can help. */
async function requireManifest(folder: string, wanted: string): Promise<void> {
  const manifest = await readManifest('workQueue', folderStore(folder));
  if (manifest.sha256 === wanted) return;
  const { message } = new OptionError(
    'workQueue',
    `${folder}/${MANIFEST}`,
    `have the SHA-256 that the queue was filled with, ${wanted.slice(0, 12)}…`,
    phrase(`${manifest.sha256.slice(0, 12)}…`),
    'Fill the queue again.',
  );
  throw new UnrecoverableError(message);
}

async function untilDone(options: QueueOptions, stay: boolean, signal: AbortSignal): Promise<void> {
  await withQueue('workQueue', options, async (queue) => {
    const stopped = (): boolean => signal.aborted;
    while (!stopped()) {
      await new Promise<void>((go) => {
        const timer = setTimeout(go, LOOK_MS);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          go();
        });
      });
      if (stay || stopped()) continue;
      const left = await queue.getJobCounts('waiting', 'active', 'delayed');
      if (Object.values(left).every((count) => count === 0)) return;
    }
  });
}
