import { CheckpointError } from '@vqkit/checkpoint';
import { OptionError, phrase, ShapeError } from '@vqkit/core-tensor';
import type { RowKeys } from '@vqkit/rows';
import { soundsOf, soundTexts } from '../sound-file.ts';
import { noteTexts } from '../token-file.ts';
import { FORMATS } from './formats.ts';
import { offsetsOf, type SoundParts } from './frames.ts';
import {
  planId,
  recordFile,
  requireShard,
  type ShardManifest,
  shardFile,
  shardNumbers,
  storedShape,
} from './manifest.ts';
import { recordText, type ShardRecord, type SkippedExample } from './record.ts';
import { createDigest } from './sealed.ts';
import { countTokens, mergeStatistics, type TokenStatistics } from './statistics.ts';
import type { ShardStore } from './store.ts';
import type { StoredLayout } from './stored.ts';
import { fixedValues, type IdBlock, soundValues, storedParts } from './values.ts';

/**
 * Writes one shard: its file, and then its record, with which it is complete. Both appear whole or not at all, and the ids of the shard are all that is held,
 * packed where the manifest says so. Two that write the same shard write the same.
 *
 * @param blocks the examples of the shard in their order, each with ids or skipped.
 * @param engine what computes them, for the record.
 * @returns what is known of it.
 * @throws OptionError or ShapeError when the blocks are not those of the shard, and what they throw: then nothing is written.
 * @example
 * const twoRows = planShards({
 *   vqkit: '1.0.0', tokenizer: { sha256: 'ab'.repeat(32), config: {} }, codebookSize: 4, numCodebooks: 1, tokenShape: [2], exampleShape: [8],
 *   source: { options: {}, order: 'rows', sha256: 'cd'.repeat(32), paths: [] }, keys: 'row numbers', examples: 2, batchSize: 1,
 *   format: 'npy', packed: false,
 * }, 1);
 * const inFolder = folderStore('shards');
 * await writeManifest(inFolder, twoRows);
 * const block = { ids: Int32Array.of(3, 1, 0, 2), keys: BigInt64Array.of(0n, 1n) };
 * await encodeShard(inFolder, twoRows, 0, [block], { engine: 'cpu' });
 * for await (const { ids } of (await openShards(inFolder)).blocks()) console.log(ids); // Int32Array [ 3, 1, 0, 2 ]
 */
export async function encodeShard(
  store: ShardStore,
  manifest: ShardManifest,
  shard: number,
  blocks: AsyncIterable<IdBlock> | Iterable<IdBlock>,
  { engine }: { readonly engine: string },
): Promise<ShardRecord> {
  const where = `encodeShard: ${store.name}/${shardFile(manifest, shard)}`;
  const { from, to } = requireShard('encodeShard', manifest, shard);
  const { keys: kind, codebookSize, numCodebooks, format } = manifest;
  const { sound } = manifest;
  const values = sound === undefined ? fixedValues(manifest, to - from) : soundValues(where, manifest, sound);
  const keys: RowKeys[] = [];
  const skipped: SkippedExample[] = [];
  let statistics: TokenStatistics = { examples: 0, codebooks: [] };
  let examples = 0;
  for await (const block of blocks) {
    const length = block.keys.length;
    const wanted = values.idsOf(block);
    if (block.ids.length !== wanted) {
      throw new ShapeError(
        where,
        'a block',
        `have the ${wanted} ids of its ${length} keys`,
        block.ids.length,
        'Pass whole examples.',
      );
    }
    const part = examples + length + skipped.length + (block.skipped?.length ?? 0);
    if (part > to - from) {
      throw new OptionError(
        where,
        'the blocks',
        `have ${to - from} examples`,
        phrase('more'),
        'Pass those of the shard.',
      );
    }
    const wrong = block.ids.findIndex((id) => id < -1 || id >= codebookSize);
    if (wrong >= 0) {
      throw new OptionError(
        where,
        'ids',
        `be in [0, ${codebookSize}) or -1`,
        block.ids[wrong],
        'Pass those of the tokenizer.',
      );
    }
    values.add(block);
    const counted = countTokens(block.ids, { examples: length, numCodebooks });
    statistics = examples === 0 ? counted : mergeStatistics([statistics, counted]);
    examples += length;
    keys.push(block.keys);
    skipped.push(...(block.skipped ?? []));
  }
  if (examples + skipped.length !== to - from) {
    throw new OptionError(
      where,
      'the blocks',
      `have ${to - from} examples`,
      phrase(`${examples} and ${skipped.length} skipped`, [examples, skipped.length]),
      'Pass all of the shard.',
    );
  }
  const all = joinedKeys(kind, keys);
  const writes = FORMATS[format];
  const { values: stored, sounds } = values.all();
  const layout: StoredLayout = {
    count: examples,
    shape: storedShape(manifest),
    dtype: manifest.packed ? 'U8' : 'I32',
    keys: kind,
    prefix: `${shardNumbers(manifest.shards.length, shard).split('-')[0]}-`,
    notes: notesOf(manifest, all, sounds),
    ...(sounds === undefined ? {} : { sounds: { rows: values.rows(), offsets: offsetsOf(sounds.frames) } }),
  };
  const parts = storedParts({ values: stored, keys: all, sounds }, values.width);
  const file = await writeHashed(store, shardFile(manifest, shard), writes.write(layout, parts));
  const record: ShardRecord = {
    shard,
    from,
    to,
    tokenizer: manifest.tokenizer.sha256,
    source: manifest.source.sha256,
    manifest: planId(manifest),
    engine,
    file,
    examples,
    skipped,
    ...(writes.holds(kind) ? {} : { keys: [...all].map(String) }),
    ...(sounds === undefined ? {} : { samples: sounds.samples }),
    statistics,
  };
  await store.write(recordFile(manifest, shard), recordText(record));
  return record;
}

async function writeHashed(
  store: ShardStore,
  name: string,
  blocks: AsyncIterable<Uint8Array>,
): Promise<ShardRecord['file']> {
  const hash = createDigest();
  let bytes = 0;
  const counted = (async function* (): AsyncGenerator<Uint8Array> {
    for await (const block of blocks) {
      hash.add(block);
      bytes += block.length;
      yield block;
    }
  })();
  await store.write(name, counted);
  return { name, bytes, sha256: hash.hex() };
}

function joinedKeys(kind: ShardManifest['keys'], parts: readonly RowKeys[]): RowKeys {
  if (kind === 'texts') return parts.flatMap((part) => Array.from(part, String));
  const all = new BigInt64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    if (!(part instanceof BigInt64Array)) {
      throw new CheckpointError(
        'encodeShard',
        'keys',
        'be a BigInt64Array, as the manifest says',
        phrase('texts'),
        'Plan anew.',
      );
    }
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What a safetensors file says of its ids; unpacked ones of images and of sound make an ordinary file of tokens. */
function notesOf(
  manifest: ShardManifest,
  keys: RowKeys,
  sounds: SoundParts | undefined,
): Readonly<Record<string, string>> {
  const { tokenizer, codebookSize, numCodebooks, tokenShape, exampleShape, packed, sound } = manifest;
  const names = manifest.keys === 'texts' ? (keys as readonly string[]) : undefined;
  const known = { tokenizer: tokenizer.sha256, codebookSize, numCodebooks };
  if (sound !== undefined && sounds !== undefined && !packed) {
    return soundTexts({ ...known, ...sound, sounds: soundsOf(keys, sounds) });
  }
  const [height, width, channels] = exampleShape;
  if (!packed && exampleShape.length === 3 && height !== undefined && width !== undefined && channels !== undefined) {
    return noteTexts({ ...known, imageShape: [height, width, channels], images: names });
  }
  const notes = { ...known, tokenShape, ...sound, ...(names === undefined ? {} : { keys: names }) };
  return Object.fromEntries(
    Object.entries(notes).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
