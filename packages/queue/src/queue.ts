import { resolve } from 'node:path';
import { folderStore, readManifest, type ShardManifest, shardState } from '@vqkit/tokens';
import { type Job, Queue } from 'bullmq';
import { connect } from './redis.ts';

/** Where a queue is. */
export interface QueueOptions {
  /** Address of the server, such as `redis://:password@host:6379`. */
  readonly redis: string;
  /** The queue's name. Default `vqkit-shards`. */
  readonly queue?: string | undefined;
}

/** What a job says: a shard of a folder, and of which manifest. */
export interface ShardJob {
  readonly folder: string;
  readonly shard: number;
  /** SHA-256 of the manifest. */
  readonly manifest: string;
}

const QUEUE = 'vqkit-shards';
/** Tries of a shard, by whatever workers. */
const ATTEMPTS = 5;
const BACKOFF_MS = 1000;
/** Jobs that are asked for at the same time. */
const TOGETHER = 200;

/** What is done and what is not. */
export interface QueueState {
  readonly waiting: number;
  readonly active: number;
  /** Wait for another try. */
  readonly delayed: number;
  readonly completed: number;
  /** Out of tries, each with its last reason. */
  readonly failed: readonly {
    readonly folder: string;
    readonly shard: number;
    readonly reason: string;
    readonly tries: number;
  }[];
  /** Of the last minute, or of the time since the first where that is less; 0 where nothing was done. */
  readonly shardsPerMinute: number;
}

/** The queue, for as long as the work takes. */
export async function withQueue<T>(
  where: string,
  { redis, queue = QUEUE }: QueueOptions,
  work: (queue: Queue<ShardJob>) => Promise<T>,
): Promise<T> {
  const connection = await connect(where, redis);
  const opened = new Queue<ShardJob>(queue, { connection });
  opened.on('error', () => undefined);
  try {
    return await work(opened);
  } finally {
    await opened.close();
    connection.disconnect();
  }
}

export const queueName = ({ queue = QUEUE }: QueueOptions): string => queue;

const idOf = (manifest: ShardManifest, shard: number): string => `${manifest.sha256.slice(0, 16)}-${shard}`;

/**
 * Puts every shard of a folder that is not complete on the queue; one that is there already stays once, and one that had failed is tried anew.
 *
 * @param folder of `vqkit encode --shards N --plan`, at the same path on every machine.
 * @returns how many were put, and how many shards there are.
 * @throws CheckpointError when the folder has no manifest; OptionError or UnsupportedError as the server answers.
 */
export async function fillQueue(
  folder: string,
  options: QueueOptions,
): Promise<{ readonly put: number; readonly complete: number; readonly shards: number }> {
  const where = 'fillQueue';
  const store = folderStore(folder);
  const manifest = await readManifest(where, store);
  return withQueue(where, options, async (queue) => {
    const missing: number[] = [];
    for (let shard = 0; shard < manifest.shards.length; shard++) {
      const state = await shardState(where, store, manifest, shard, { bytes: false });
      if (state.status !== 'complete') missing.push(shard);
    }
    let put = 0;
    for (let from = 0; from < missing.length; from += TOGETHER) {
      const part = missing.slice(from, from + TOGETHER);
      const known = await Promise.all(part.map((shard) => queue.getJob(idOf(manifest, shard))));
      const waits = await Promise.all(known.map((job) => job !== undefined && isUnderWay(job)));
      const fresh = part.filter((_, i) => waits[i] !== true);
      const data = { folder: resolve(folder), manifest: manifest.sha256 };
      await queue.addBulk(
        fresh.map((shard) => ({
          name: `shard ${shard}`,
          data: { ...data, shard },
          opts: {
            jobId: idOf(manifest, shard),
            attempts: ATTEMPTS,
            backoff: { type: 'exponential', delay: BACKOFF_MS },
          },
        })),
      );
      put += fresh.length;
    }
    return { put, complete: manifest.shards.length - missing.length, shards: manifest.shards.length };
  });
}

/** Whether somebody has it or will have it; what is over is taken away. */
async function isUnderWay(job: Job<ShardJob>): Promise<boolean> {
  const state = await job.getState();
  if (state !== 'completed' && state !== 'failed' && state !== 'unknown') return true;
  await job.remove();
  return false;
}

/** Completed jobs whose times give the rate. */
const RECENT = 1000;

/** @throws OptionError or UnsupportedError as the server answers. */
export async function queueState(options: QueueOptions): Promise<QueueState> {
  return withQueue('queueState', options, async (queue) => {
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'completed', 'prioritized');
    const failed = await queue.getFailed();
    const recent = (await queue.getCompleted(0, RECENT - 1)).flatMap(({ finishedOn }) => finishedOn ?? []);
    return {
      waiting: counts.waiting ?? 0,
      active: counts.active ?? 0,
      delayed: counts.delayed ?? 0,
      completed: counts.completed ?? 0,
      failed: failed.map(({ data, failedReason, attemptsMade }) => ({
        folder: data.folder,
        shard: data.shard,
        reason: failedReason ?? '',
        tries: attemptsMade,
      })),
      shardsPerMinute: rateOf(recent),
    };
  });
}

const MINUTE_MS = 60_000;

/** By the times of the machines that finished them, which may differ: from the last to those a minute before it. */
function rateOf(times: readonly number[]): number {
  const last = times.reduce((latest, time) => Math.max(latest, time), 0);
  const within = times.filter((time) => time > last - MINUTE_MS);
  const span = last - within.reduce((first, time) => Math.min(first, time), last);
  return span === 0 ? 0 : ((within.length - 1) * MINUTE_MS) / span;
}
