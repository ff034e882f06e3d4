import { createHash } from 'node:crypto';
import { extname, join } from 'node:path';
import { encodeSafetensorsHeader } from '@vqkit/checkpoint';
import { CHECKSUM, requireWritable, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { writeRowIds } from '../row-ids.ts';
import { IDS, noteTexts } from '../token-file.ts';
import { imageNotes, shardRowIds } from './at-path.ts';
import { folderStore } from './folder-store.ts';
import { bytesOf, FORMATS } from './formats.ts';
import { SHARD_FORMATS, type ShardFormat, shardFile, TOKENIZER } from './manifest.ts';
import { openShards, readManifest, type Shards } from './read-shards.ts';
import type { ShardReader } from './store.ts';
import type { StoredPart } from './stored.ts';

/** Rows of a block of the file. */
const ROWS = 4096;

/**
 * Throws unless {@link writeMerged} can write the shards of a folder there.
 * @throws OptionError for an ending of no format, or a file of the folder itself; CheckpointError where nothing can be written, or the folder has no manifest.
 */
export async function requireMergeable(where: string, path: string, folder: string): Promise<void> {
  formatOf(where, path);
  const manifest = await readManifest(where, folderStore(folder));
  const own = [TOKENIZER, ...manifest.shards.map((_, shard) => shardFile(manifest, shard))];
  await requireWritable(
    where,
    path,
    own.map((name) => join(folder, name)),
  );
}

function formatOf(where: string, path: string): ShardFormat {
  const format = SHARD_FORMATS.find((name) => extname(path) === `.${name}`);
  if (format !== undefined) return format;
  throw new OptionError(
    where,
    'out',
    `end in ${SHARD_FORMATS.map((name) => `.${name}`).join(', ')}`,
    path,
    'Write for example ids.parquet.',
  );
}

/**
 * Writes all shards of a folder into one file, as encoding without shards would have. One shard is held at a time, and what the file's head has of all: names of images in
 * .safetensors, integer keys of vectors in .npy and .safetensors.
 *
 * @throws OptionError for another ending; CheckpointError when a shard is missing or damaged: then nothing is written.
 */
export async function writeMerged(path: string, store: ShardReader): Promise<void> {
  const where = `writeMerged: ${store.name}`;
  const format = formatOf('writeMerged', path);
  const shards = await openShards(store);
  const { manifest } = shards;
  const at = { shards, from: 0, to: manifest.examples };
  const isOfImages = manifest.exampleShape.length === 3;
  if (isOfImages && format === 'safetensors') return writeFileAtomic(path, imageTokens(where, shards));
  if (!isOfImages && format !== 'tar') {
    const rows = shardRowIds(where, at);
    const blocks = (async function* () {
      for (let from = 0; from < rows.count; from += ROWS) yield rows.read(from, Math.min(from + ROWS, rows.count));
    })();
    return writeRowIds(path, rows, blocks);
  }
  let count = 0;
  for (let shard = 0; shard < manifest.shards.length; shard++) count += (await shards.record(shard)).examples;
  const shape = manifest.tokenShape;
  const width = shape.reduce((product, length) => product * length, 1);
  const parts = (async function* (): AsyncGenerator<StoredPart> {
    for await (const { ids, keys } of shards.blocks()) {
      for (let from = 0; from < keys.length; from += ROWS) {
        const to = Math.min(from + ROWS, keys.length);
        yield { values: ids.subarray(from * width, to * width), keys: keys.slice(from, to) };
      }
    }
  })();
  const layout = { count, shape, dtype: 'I32', keys: manifest.keys, prefix: '', notes: {} } as const;
  await writeFileAtomic(path, FORMATS[format].write(layout, parts));
}

/** The bytes that `writeTokens` writes of all. Their checksum stands before them, so that it takes a pass of its own. */
async function* imageTokens(where: string, shards: Shards): AsyncGenerator<Uint8Array> {
  const { manifest } = shards;
  let count = 0;
  const names: string[] = [];
  for (let shard = 0; shard < manifest.shards.length; shard++) {
    const { examples, keys } = await shards.record(shard);
    count += examples;
    if (manifest.keys !== 'texts') continue;
    for (const name of keys ?? (await shards.read(shard)).keys) names.push(String(name));
  }
  const texts = noteTexts(imageNotes(where, manifest, manifest.keys === 'texts' ? names : undefined));
  const layout = [[IDS, { dtype: 'I32', shape: [count, ...manifest.tokenShape] }]] as const;
  const hash = createHash('sha256').update(encodeSafetensorsHeader(layout, texts));
  for await (const { ids } of shards.blocks()) hash.update(bytesOf(ids));
  yield encodeSafetensorsHeader(layout, { ...texts, [CHECKSUM]: hash.digest('hex') });
  for await (const { ids } of shards.blocks()) yield bytesOf(ids);
}
