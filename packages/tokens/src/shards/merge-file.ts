import { extname } from 'node:path';
import { requireWritable, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { writeRowIds } from '../row-ids.ts';
import { writeTokens } from '../token-file.ts';
import { shardRowIds, shardTokens } from './at-path.ts';
import { FORMATS } from './formats.ts';
import { SHARD_FORMATS, type ShardFormat } from './manifest.ts';
import { openShards } from './read-shards.ts';
import type { ShardReader } from './store.ts';
import type { StoredPart } from './stored.ts';

/** Rows of a block of the file. */
const ROWS = 4096;

/** @throws OptionError for an ending of no format; CheckpointError where nothing can be written. */
export async function requireMergeable(where: string, path: string): Promise<void> {
  formatOf(where, path);
  await requireWritable(where, path);
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
 * Writes all shards of a folder into one file, as encoding without shards would have: a shard after the other, but for images in .safetensors, whose ids are all held.
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
  if (isOfImages && format === 'safetensors') {
    const { first: _, ...tokens } = await shardTokens(where, at, {});
    return writeTokens(path, tokens);
  }
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
