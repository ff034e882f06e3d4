import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { requireWritableFolder } from '@vqkit/checkpoint/node';
import { OptionError, requireInteger } from '@vqkit/core-tensor';
import { Interrupted } from '@vqkit/data';
import { isFolder } from '@vqkit/data/node';
import { checkOptions } from '@vqkit/schema';
import { loadTokenizer } from '@vqkit/tokenizer';
import {
  digestOf,
  folderStore,
  MANIFEST,
  readManifest,
  requireSamePlan,
  type ShardManifest,
  type ShardStore,
  type ShardSurvey,
  surveyShards,
  TOKENIZER,
  writeManifest,
} from '@vqkit/tokens';
import { startEngine } from '../engine.ts';
import { readTokenizer } from '../tokenizer.ts';
import { type ShardOptions, scheduledShard, shardSchema } from './options.ts';
import { planCorpus, restoreNames } from './plan-corpus.ts';
import { encodeInPool, type FailedShard } from './pool.ts';
import { openShardEncoder, requireOwnVersion } from './shard-encoder.ts';

/** What a caller of {@link encodeShards} may watch and stop. */
export interface ShardsHooks {
  onStart?(info: { readonly examples: number; readonly shards: number; readonly engine: string }): void;
  /** Examples done of those of `onStart`. */
  onExamples?(done: number): void;
  onWarning?(message: string): void;
  /** Aborting it stops after the current batch; shards that are complete stay. */
  readonly signal?: AbortSignal | undefined;
}

/** How a call ended. */
export type ShardsResult =
  | {
      readonly status: 'finished';
      readonly out: string;
      readonly manifest: ShardManifest;
      /** Shards that were encoded now, and those that were there. */
      readonly encoded: number;
      readonly there: number;
      readonly failed: readonly FailedShard[];
      /** Of all shards, after a call for all of them. */
      readonly survey?: ShardSurvey | undefined;
    }
  | { readonly status: 'interrupted' };

/**
 * Encodes a source of any size into a folder of shards: `manifest.json` first, then each shard, complete or absent, with its checksum, keys, skipped examples and
 * statistics. Called again after whatever ended it, it checks what is there and does the rest, to the same bytes on the same engine and threads; what is there of another
 * tokenizer, source or order it refuses. One batch and the ids of one shard are held.
 *
 * @param tokenizer a run folder, a checkpoint or a tokenizer file.
 * @param environment where a scheduler says which shard this process is to do.
 * @throws OptionError, DataError or CheckpointError naming what is wrong.
 * @example
 * await encodeShards('runs/mnist-fsq-1234', { part: 'test', out: 'test-ids', shards: 4 });
 */
export async function encodeShards(
  tokenizer: string,
  options: ShardOptions,
  hooks: ShardsHooks = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ShardsResult> {
  const where = 'encodeShards';
  const given = checkOptions(shardSchema, options, where) as ShardOptions;
  const { out } = given;
  if (out === undefined) {
    throw new OptionError(where, 'out', 'be given, the folder of the shards', undefined, 'Pass for example ids.');
  }
  await requireWritableFolder(where, out);
  const store = folderStore(out);
  const manifest = await planned(where, tokenizer, given, store, environment, hooks);
  const shard = shardOf(where, manifest, given, environment);
  const summary = { status: 'finished', out, manifest } as const;
  if (given.plan === true) return { ...summary, encoded: 0, there: 0, failed: [] };

  const all = shard === undefined ? manifest.shards.map((_, n) => n) : [shard];
  const ofThem = all.reduce((sum, n) => sum + (manifest.shards[n]?.to ?? 0) - (manifest.shards[n]?.from ?? 0), 0);
  const { workers, engine, threads, paths, dataPath } = given;
  const own = paths ?? (dataPath === undefined ? undefined : [dataPath]);
  let [encoded, there] = [0, 0];
  let failed: readonly FailedShard[] = [];
  const start = (its: string): void => hooks.onStart?.({ examples: ofThem, shards: all.length, engine: its });
  const { signal } = hooks;
  const warn = (message: string): void => hooks.onWarning?.(message);
  if (workers === undefined) {
    const encoder = await openShardEncoder(where, store, { engine, threads, paths: own });
    try {
      start(encoder.engine);
      let before = 0;
      for (const each of all) {
        const onExamples = (done: number): void => hooks.onExamples?.(before + done);
        const { record, wasThere } = await encoder.encode(each, { onExamples, onWarning: warn, signal });
        before += record.to - record.from;
        hooks.onExamples?.(before);
        if (wasThere) there++;
        else encoded++;
      }
    } catch (error) {
      if (error instanceof Interrupted) return { status: 'interrupted' };
      throw error;
    } finally {
      encoder.dispose();
    }
  } else {
    const number = workers === 'auto' ? availableParallelism() : workers;
    let started = false;
    failed = await encodeInPool(
      out,
      all,
      { workers: number, engine, threads: threads ?? 1, paths: own },
      {
        onOpened(its) {
          if (!started) start(`${Math.min(number, all.length)} × ${its}`);
          started = true;
        },
        onExamples: (done) => hooks.onExamples?.(done),
        onFinished(_, wasThere) {
          if (wasThere) there++;
          else encoded++;
        },
        onWarning: warn,
        signal,
      },
    );
    if (signal?.aborted === true) return { status: 'interrupted' };
  }
  // Every byte has been looked at, or just been written.
  const survey = shard === undefined && failed.length === 0 ? await surveyShards(store, { bytes: false }) : undefined;
  return { ...summary, encoded, there, failed, survey };
}

/** Whether there is a folder of shards. */
export async function isShardFolder(path: unknown): Promise<boolean> {
  return typeof path === 'string' && (await isFolder(path)) && (await folderStore(path).read(MANIFEST)) !== undefined;
}

/** The manifest that is there, if it is of the same work; else a new one, which is written. */
async function planned(
  where: string,
  path: string,
  given: ShardOptions,
  store: ShardStore,
  environment: Readonly<Record<string, string | undefined>>,
  hooks: ShardsHooks,
): Promise<ShardManifest> {
  const there = (await store.read(MANIFEST)) === undefined ? undefined : await readManifest(where, store);
  if (there !== undefined) requireOwnVersion(`${where}: ${store.name}`, there);
  const shards = given.shards ?? there?.shards.length;
  if (shards === undefined) {
    throw new OptionError(
      where,
      'shards',
      'be given for a new folder',
      undefined,
      'Pass for example 100, or one per 10,000 pictures.',
    );
  }
  const bytes = await readTokenizer(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const kept = there === undefined ? {} : { format: there.format, pack: there.packed, batchSize: there.batchSize };
  const options = { ...kept, ...withoutUndefined(given), shards };
  if (there !== undefined) {
    requireSamePlan(`${where}: ${store.name}`, there, {
      ...there,
      tokenizer: { ...there.tokenizer, sha256 },
      format: options.format ?? there.format,
      packed: options.pack ?? there.packed,
      batchSize: options.batchSize ?? there.batchSize,
      shards: shards === there.shards.length ? there.shards : new Array<never>(shards),
    });
    if (digestOf((await store.read(TOKENIZER)) ?? '') !== sha256) await store.write(TOKENIZER, [bytes]);
    // Whoever does one shard of many does not look at the data of all.
    if (given.shard !== undefined || scheduledShard(environment) !== undefined) return there;
  }
  // Where others do the work, one thread is enough for what describes the tokenizer.
  const isWorker = given.workers === undefined && given.plan !== true;
  await startEngine(
    isWorker ? { engine: given.engine ?? 'auto', threads: given.threads } : { engine: 'auto', threads: 1 },
  );
  const model = loadTokenizer(bytes, path);
  try {
    const warn = (message: string): void => hooks.onWarning?.(message);
    const plan = await planCorpus(where, { model, sha256 }, options, { store, there }, warn);
    if (there !== undefined) {
      requireSamePlan(`${where}: ${store.name}`, there, plan);
      await restoreNames(where, there, options, store);
      return there;
    }
    await store.write(TOKENIZER, [bytes]);
    await writeManifest(store, plan);
    return plan;
  } finally {
    model.dispose();
  }
}

function withoutUndefined(options: ShardOptions): ShardOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function shardOf(
  where: string,
  { shards }: ShardManifest,
  given: ShardOptions,
  environment: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const scheduled = given.shard === undefined ? scheduledShard(environment) : undefined;
  const shard = given.shard ?? scheduled?.shard;
  if (shard === undefined) return undefined;
  const name = scheduled === undefined ? 'shard' : `shard (${scheduled.variable})`;
  requireInteger(where, name, shard, 0, shards.length - 1);
  return shard;
}
