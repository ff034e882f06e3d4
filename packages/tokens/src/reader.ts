// What needs nothing of Node: to read shards in a page.
export type { ShardManifest } from './shards/manifest.ts';
export { packedBytes, packIds, unpackIds } from './shards/pack.ts';
export type { ShardBlock, Shards } from './shards/read-shards.ts';
export { openShards } from './shards/read-shards.ts';
export type { ShardRecord, SkippedExample } from './shards/record.ts';
export type { CodebookUse, TokenStatistics } from './shards/statistics.ts';
export { countTokens, mergeStatistics, tokenReport } from './shards/statistics.ts';
export type { ShardReader } from './shards/store.ts';
export { urlReader } from './shards/store.ts';
