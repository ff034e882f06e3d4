import { CheckpointError } from '@vqkit/checkpoint';
import { phrase } from '@vqkit/core-tensor/errors';
import { counted } from '@vqkit/schema';
import { MANIFEST, manifestText, type ShardManifest } from './manifest.ts';
import { readManifest } from './read-shards.ts';
import { type ShardRecord, type SkippedExample, shardState } from './record.ts';
import { mergeStatistics, type TokenStatistics } from './statistics.ts';
import type { ShardReader, ShardStore } from './store.ts';

/** Writes `manifest.json`: before the first shard. */
export async function writeManifest(store: ShardStore, manifest: ShardManifest): Promise<void> {
  await store.write(MANIFEST, manifestText(manifest));
}

/** What is there of a corpus, and what it amounts to. */
export interface ShardSurvey {
  readonly manifest: ShardManifest;
  /** Shards that are complete. */
  readonly complete: number;
  readonly missing: readonly number[];
  readonly damaged: readonly { readonly shard: number; readonly reason: string }[];
  /** Of the complete shards together. */
  readonly statistics: TokenStatistics;
  readonly examples: number;
  readonly skipped: readonly SkippedExample[];
  readonly bytes: number;
  /** Of recordings: the samples of all together, of one channel; else 0. */
  readonly samples: number;
  /** What computed them: more than one may mean ids that differ in a rounding. */
  readonly engines: readonly string[];
}

/**
 * Looks at every shard of a folder and adds up the statistics of those that are complete.
 *
 * @param options `bytes`: whether every byte is compared with its checksum. Default true. `onShard` is called after each.
 * @throws CheckpointError for a folder without a manifest, or a shard of another tokenizer, source or order.
 */
export async function surveyShards(
  store: ShardReader,
  options: { readonly bytes?: boolean; readonly onShard?: ((done: number, shards: number) => void) | undefined } = {},
): Promise<ShardSurvey> {
  const manifest = await readManifest('surveyShards', store);
  const missing: number[] = [];
  const damaged: { shard: number; reason: string }[] = [];
  const engines = new Set<string>();
  const skipped: SkippedExample[] = [];
  let [complete, examples, bytes, samples] = [0, 0, 0, 0];
  let statistics: TokenStatistics | undefined;
  const take = (record: ShardRecord): void => {
    complete++;
    examples += record.examples;
    bytes += record.file.bytes;
    for (const own of record.samples ?? []) samples += own;
    engines.add(record.engine);
    for (const each of record.skipped) skipped.push(each);
    if (record.examples === 0) return;
    statistics = statistics === undefined ? record.statistics : mergeStatistics([statistics, record.statistics]);
  };
  const { length } = manifest.shards;
  for (let shard = 0; shard < length; shard++) {
    const state = await shardState('surveyShards', store, manifest, shard, { bytes: options.bytes ?? true });
    if (state.status === 'complete') take(state.record);
    else if (state.status === 'missing') missing.push(shard);
    else damaged.push({ shard, reason: state.reason });
    options.onShard?.(shard + 1, length);
  }
  const none = {
    examples: 0,
    codebooks: Array.from({ length: manifest.numCodebooks }, () => ({ codes: [], counts: [] })),
  };
  return {
    manifest,
    complete,
    missing,
    damaged,
    statistics: statistics ?? none,
    examples,
    skipped,
    bytes,
    samples,
    engines: [...engines].sort(),
  };
}

/** @throws CheckpointError naming the shards that are missing or damaged. */
export function requireComplete(where: string, store: ShardReader, { missing, damaged, manifest }: ShardSurvey): void {
  if (missing.length + damaged.length === 0) return;
  const [first] = damaged;
  const lost = [...missing, ...damaged.map(({ shard }) => shard)].sort((a, b) => a - b);
  const named = `${lost.slice(0, 10).join(', ')}${lost.length > 10 ? ', …' : ''}`;
  throw new CheckpointError(
    where,
    store.name,
    `have all ${manifest.shards.length} shards`,
    phrase(
      `${counted(missing.length, 'missing shard')} and ${damaged.length} damaged (${named})${first === undefined ? '' : `: ${first.reason.replace(/\.$/, '')}`}`,
      [counted(missing.length, 'missing shard'), damaged.length],
    ),
    'Run vqkit encode once more: it does those that are not whole.',
  );
}
