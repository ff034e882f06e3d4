import { CheckpointError } from '@vqkit/checkpoint';
import { DataError, phrase, requireInteger } from '@vqkit/core-tensor';
import type { RowKeys } from '@vqkit/rows/parquet-bytes';
import { readStored } from './formats.ts';
import { framesOf, offsetsOf, type SoundParts } from './frames.ts';
import { idsPerExample, MANIFEST, parseManifest, type ShardManifest, shardFile, storedShape } from './manifest.ts';
import { packedBytes, unpackIds } from './pack.ts';
import { type ShardRecord, shardState } from './record.ts';
import { digestOf } from './sealed.ts';
import type { ShardReader } from './store.ts';

/** The ids of consecutive examples of one shard. */
export interface ShardBlock {
  /** [examples, …tokenShape], row-major; of recordings [frames of all, codebooks]. */
  readonly ids: Int32Array;
  readonly shape: readonly number[];
  /** Of recordings: the frame at which each begins, and where the last ends. */
  readonly offsets?: Float64Array | undefined;
  /** Of recordings: the samples of each, of one channel, which may be fewer than its frames have. */
  readonly samples?: Float64Array | undefined;
  /** One per example: names, or numbers. */
  readonly keys: RowKeys;
  /** The example's position in the source, one per example: those that were skipped are missing. */
  readonly positions: Float64Array;
}

/** Shards that are read one after the other. */
export interface Shards {
  readonly manifest: ShardManifest;
  /** What is known of a shard. */
  record(shard: number): Promise<ShardRecord>;
  /** All of a shard. */
  read(shard: number): Promise<ShardBlock>;
  /**
   * The ids shard by shard, of which one is held at a time.
   * @param range positions in the source, from `from` up to `to`. Default all.
   */
  blocks(range?: { readonly from?: number; readonly to?: number }): AsyncGenerator<ShardBlock>;
}

/**
 * Opens a folder of shards, to train on their ids: in Node from a disk ({@link folderStore}), anywhere by fetch ({@link urlReader}). Every file that is read is
 * checked against its checksum.
 *
 * @throws CheckpointError for a folder without a manifest, and when a shard that is read is missing or damaged.
 * @example
 * const shards = await openShards(folderStore('shards'));
 * for await (const { ids, keys } of shards.blocks({ from: 0, to: 1 })) console.log(keys[0], ids); // 0n, Int32Array [ 3, 1 ]
 */
export async function openShards(store: ShardReader): Promise<Shards> {
  const where = `openShards: ${store.name}`;
  const manifest = await readManifest('openShards', store);
  const recordOf = async (shard: number): Promise<ShardRecord> => {
    const state = await shardState('openShards', store, manifest, shard, { bytes: false });
    if (state.status === 'complete') return state.record;
    const reason = state.status === 'missing' ? 'none' : state.reason;
    const rule = `be there, of ${manifest.shards.length}`;
    const fix = 'Encode it: the same command does what is missing.';
    throw new CheckpointError(where, `shard ${shard}`, rule, phrase(reason), fix);
  };
  const read = async (shard: number): Promise<ShardBlock> => {
    requireInteger('openShards().read', 'shard', shard, 0, manifest.shards.length - 1);
    return readShard(store, manifest, await recordOf(shard));
  };
  return {
    manifest,
    record: recordOf,
    read,
    async *blocks({ from = 0, to = manifest.examples } = {}) {
      requireInteger('openShards().blocks', 'from', from, 0, manifest.examples);
      requireInteger('openShards().blocks', 'to', to, from, manifest.examples);
      for (const [shard, range] of manifest.shards.entries()) {
        if (range.to <= from || range.from >= to) continue;
        yield within(await read(shard), manifest, from, to);
      }
    },
  };
}

/** @throws CheckpointError where there is none. */
export async function readManifest(where: string, store: ShardReader): Promise<ShardManifest> {
  const bytes = await store.read(MANIFEST);
  if (bytes !== undefined) return parseManifest(`${where}: ${store.name}`, bytes);
  throw new CheckpointError(
    where,
    store.name,
    `hold ${MANIFEST}`,
    phrase('none'),
    'Pass the folder that vqkit encode --shards wrote; a folder on another machine must be shared with this one.',
  );
}

async function readShard(store: ShardReader, manifest: ShardManifest, record: ShardRecord): Promise<ShardBlock> {
  const { file, examples, from, to, skipped, statistics } = record;
  const where = `openShards: ${store.name}/${file.name}`;
  const damaged = (rule: string, found: string): CheckpointError =>
    new CheckpointError(where, 'the shard', rule, phrase(found), 'Encode it again: the same command does.');
  if (file.name !== shardFile(manifest, record.shard)) throw damaged('have its own name', file.name);
  const bytes = await store.read(file.name);
  if (bytes === undefined) throw damaged('be there', 'none');
  if (digestOf(bytes) !== file.sha256) throw damaged(`have the SHA-256 ${file.sha256.slice(0, 12)}…`, 'another');
  const count = idsPerExample(manifest);
  const sounds = soundsIn(manifest, record);
  const offsets = sounds && offsetsOf(sounds.frames);
  const shape = [offsets?.at(-1) ?? examples, ...manifest.tokenShape];
  const own =
    sounds && offsets ? { offsets: Float64Array.from(offsets), samples: Float64Array.from(sounds.samples) } : {};
  if (examples === 0) return { ids: new Int32Array(0), shape, ...own, keys: [], positions: new Float64Array(0) };
  const stored = await readStored(where, manifest.format, bytes, { examples, width: count, sounds });
  const expected = storedValues(manifest, examples, sounds);
  const isPacked = stored.values instanceof Uint8Array;
  if (stored.values.length !== expected || isPacked !== manifest.packed) {
    throw damaged(`hold ${expected} values`, `${stored.values.length}`);
  }
  const { values } = stored;
  const ids = values instanceof Uint8Array ? unpacked(values, manifest, sounds) : values;
  let padding = 0;
  for (const id of ids) {
    if (id < -1 || id >= manifest.codebookSize)
      throw damaged(`have ids in [0, ${manifest.codebookSize}) or -1`, `${id}`);
    if (id === -1) padding++;
  }
  const counted = statistics.codebooks.reduce((sum, { counts }) => counts.reduce((all, each) => all + each, sum), 0);
  if (counted !== ids.length - padding)
    throw damaged(`have the ${counted} ids of its statistics`, `${ids.length - padding}`);
  // The file has so many examples: there is room for their positions.
  const left = new Set(skipped.map(({ position }) => position));
  const positions = new Float64Array(examples);
  for (let position = from, n = 0; position < to; position++) if (!left.has(position)) positions[n++] = position;
  const keys = keysOf(where, manifest, record, stored.keys, positions);
  if (keys.length !== examples) throw damaged(`have ${examples} keys`, `${keys.length}`);
  return { ids, shape, ...own, keys, positions };
}

function soundsIn({ sound }: ShardManifest, { samples }: ShardRecord): SoundParts | undefined {
  return sound === undefined || samples === undefined ? undefined : { samples, frames: framesOf(samples, sound) };
}

/** Values that a file is to hold. */
function storedValues(manifest: ShardManifest, examples: number, sounds: SoundParts | undefined): number {
  const { codebookSize, numCodebooks, packed } = manifest;
  if (sounds === undefined) {
    return examples * storedShape(manifest).reduce((product, length) => product * length, 1);
  }
  const each = (frames: number): number =>
    packed ? packedBytes(frames * numCodebooks, codebookSize) : frames * numCodebooks;
  return sounds.frames.reduce((sum, frames) => sum + each(frames), 0);
}

function unpacked(values: Uint8Array, manifest: ShardManifest, sounds: SoundParts | undefined): Int32Array {
  const { codebookSize, numCodebooks } = manifest;
  if (sounds === undefined) return unpackIds(values, idsPerExample(manifest), codebookSize);
  const ids = new Int32Array((offsetsOf(sounds.frames).at(-1) as number) * numCodebooks);
  let [from, at] = [0, 0];
  for (const frames of sounds.frames) {
    const count = frames * numCodebooks;
    const bytes = packedBytes(count, codebookSize);
    ids.set(unpackIds(values.subarray(from, from + bytes), count, codebookSize), at);
    from += bytes;
    at += count;
  }
  return ids;
}

function keysOf(
  where: string,
  { keys: kind }: ShardManifest,
  { keys: recorded }: ShardRecord,
  stored: RowKeys | undefined,
  positions: Float64Array,
): RowKeys {
  if (kind === 'row numbers') return BigInt64Array.from(positions, BigInt);
  const keys = recorded ?? stored ?? [];
  if (kind === 'texts') return Array.from(keys as readonly string[], String);
  if (keys instanceof BigInt64Array) return keys;
  return BigInt64Array.from(
    (keys as readonly string[]).map((key) => {
      if (/^-?\d{1,19}$/.test(key)) return BigInt(key);
      throw new DataError(where, 'keys', 'be integers', key, 'Encode it again.');
    }),
  );
}

/** The part of a block whose positions are in a range. */
function within(block: ShardBlock, manifest: ShardManifest, from: number, to: number): ShardBlock {
  const { ids, keys, positions, offsets, samples } = block;
  let [start, end] = [0, positions.length];
  while (start < end && (positions[start] as number) < from) start++;
  while (end > start && (positions[end - 1] as number) >= to) end--;
  const count = idsPerExample(manifest);
  const [first, last] = [offsets?.[start] ?? start, offsets?.[end] ?? end];
  return {
    ids: ids.subarray(first * count, last * count),
    shape: [last - first, ...manifest.tokenShape],
    ...(offsets && { offsets: offsets.slice(start, end + 1).map((offset) => offset - first) }),
    ...(samples && { samples: samples.subarray(start, end) }),
    keys: keys.slice(start, end),
    positions: positions.subarray(start, end),
  };
}
