export type { Collisions } from './collisions.ts';
export { findCollisions } from './collisions.ts';
export type { RowIdBlock, RowIdFile } from './row-id-file.ts';
export type { RowIdLayout } from './row-ids.ts';
export { openRowIds, requireWritableRowIds, writeRowIds } from './row-ids.ts';
export type { ExampleRange } from './shards/at-path.ts';
export { requireRange, shardsAt } from './shards/at-path.ts';
export { encodeShard } from './shards/encode-shard.ts';
export { folderStore } from './shards/folder-store.ts';
export type { NameRange, ShardFormat, ShardManifest, ShardPlan, ShardRange, SoundPlan } from './shards/manifest.ts';
export {
  MANIFEST,
  NAMES,
  planShards,
  recordFile,
  requireSamePlan,
  SHARD_FORMATS,
  shardFile,
  shardRanges,
  TOKENIZER,
} from './shards/manifest.ts';
export type { ShardSurvey } from './shards/merge.ts';
export { requireComplete, surveyShards, writeManifest } from './shards/merge.ts';
export { requireMergeable, writeMerged } from './shards/merge-file.ts';
export { packedBytes, packIds, unpackIds } from './shards/pack.ts';
export type { ShardBlock, Shards } from './shards/read-shards.ts';
export { openShards, readManifest } from './shards/read-shards.ts';
export type { ShardRecord, ShardState, SkippedExample } from './shards/record.ts';
export { shardState } from './shards/record.ts';
export { createDigest, digestOf } from './shards/sealed.ts';
export type { CodebookUse, TokenStatistics } from './shards/statistics.ts';
export { countTokens, mergeStatistics, tokenReport } from './shards/statistics.ts';
export type { ShardReader, ShardStore } from './shards/store.ts';
export { urlReader } from './shards/store.ts';
export type { IdBlock } from './shards/values.ts';

export type { SoundNotes, SoundTokens } from './sound-file.ts';
export { readSoundTokens, soundNotesAt, writeSoundTokens } from './sound-file.ts';
export { readTokens, requireTokenFile, writeTokens } from './token-file.ts';
export type { TokenNotes, Tokens } from './tokens.ts';
