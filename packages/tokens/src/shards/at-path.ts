import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { DataError, OptionError, phrase, requireInteger, show } from '@vqkit/core-tensor';
import type { RowIdFile } from '../row-id-file.ts';
import type { TokenNotes, Tokens } from '../tokens.ts';
import { folderStore } from './folder-store.ts';
import { idsPerExample, MANIFEST, type ShardManifest, shardFile } from './manifest.ts';
import { openShards, type ShardBlock, type Shards } from './read-shards.ts';

/** Examples by their positions, from `from` up to `to`. */
export interface ExampleRange {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Shards, and which positions of them a path means. */
interface ShardsAtPath {
  readonly shards: Shards;
  readonly from: number;
  readonly to: number;
}

/** The shards of a folder, or the one that a file of such a folder is; undefined for any other file. */
export async function shardsAt(path: string): Promise<ShardsAtPath | undefined> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isDirectory() === true) {
    if ((await folderStore(path).read(MANIFEST)) === undefined) return undefined;
    const shards = await openShards(folderStore(path));
    return { shards, from: 0, to: shards.manifest.examples };
  }
  const [, number] = /^(?:ids|train)-(\d+)-of-\d+\.\w+$/.exec(basename(path)) ?? [];
  const store = folderStore(dirname(path));
  if (number === undefined || (await store.read(MANIFEST)) === undefined) return undefined;
  const shards = await openShards(store);
  const range = shards.manifest.shards[Number(number)];
  if (range === undefined || shardFile(shards.manifest, Number(number)) !== basename(path)) return undefined;
  return { shards, from: range.from, to: range.to };
}

/** @throws OptionError for a range that is not in what is there. */
export function requireRange(where: string, count: number, { from = 0, to }: ExampleRange): [from: number, to: number] {
  requireInteger(where, 'from', from, 0);
  if (from >= count) {
    throw new OptionError(where, 'from', `be below the ${count} examples`, from, 'Start before their end.');
  }
  return [from, Math.min(to ?? count, count)];
}

/** The ids of images in shards as one piece, with their names. */
export async function shardTokens(where: string, at: ShardsAtPath, range: ExampleRange): Promise<Tokens> {
  const { tokenShape, keys } = at.shards.manifest;
  const notes = imageNotes(where, at.shards.manifest, undefined);
  const [from, to] = requireRange(where, at.to - at.from, range);
  const blocks: ShardBlock[] = [];
  for await (const block of at.shards.blocks({ from: at.from + from, to: at.from + to })) blocks.push(block);
  const count = blocks.reduce((sum, block) => sum + block.keys.length, 0);
  const ids = new Int32Array(count * idsPerExample({ tokenShape }));
  let place = 0;
  for (const block of blocks) {
    ids.set(block.ids, place);
    place += block.ids.length;
  }
  const images = keys === 'texts' ? blocks.flatMap((block) => Array.from(block.keys, String)) : undefined;
  return { ids, shape: [count, ...tokenShape], first: at.from + from, notes: { ...notes, images } };
}

/**
 * What a file says of the ids of images.
 * @throws OptionError for shards of other examples.
 */
export function imageNotes(
  where: string,
  { tokenizer, codebookSize, numCodebooks, exampleShape }: ShardManifest,
  images: readonly string[] | undefined,
): TokenNotes {
  const [height, width, channels] = exampleShape;
  if (exampleShape.length !== 3 || height === undefined || width === undefined || channels === undefined) {
    const got = phrase(`those of examples of shape ${show(exampleShape)}`, exampleShape);
    throw new OptionError(where, 'the shards', 'hold ids of images', got, 'Read them by openShards.');
  }
  const imageShape = [height, width, channels] as const;
  return { tokenizer: tokenizer.sha256, codebookSize, numCodebooks, imageShape, images };
}

/** The ids of vectors in shards, of which one is held at a time. */
export function shardRowIds(where: string, { shards, from: first, to: end }: ShardsAtPath): RowIdFile {
  const { keys, tokenShape, sound } = shards.manifest;
  if (sound !== undefined) {
    const fix = 'Read them by openShards.';
    throw new OptionError(where, 'the shards', 'hold as many ids for each row', phrase('those of sounds'), fix);
  }
  const columns = idsPerExample({ tokenShape });
  let held: { readonly from: number; readonly to: number; readonly block: ShardBlock } | undefined;
  const shardOf = async (position: number): Promise<NonNullable<typeof held>> => {
    if (held !== undefined && held.from <= position && position < held.to) return held;
    held = undefined;
    const shard = shards.manifest.shards.findIndex(({ to }) => position < to);
    const { from = 0, to = 0 } = shards.manifest.shards[shard] ?? {};
    const block = await shards.read(shard);
    if (block.keys.length !== to - from) {
      throw new DataError(where, `shard ${shard}`, 'have ids of all its rows', block.keys.length, 'Encode it again.');
    }
    held = { from, to, block };
    return held;
  };
  return {
    count: end - first,
    columns,
    tokenShape: tokenShape.length === 0 ? [columns] : tokenShape,
    keys,
    async read(start, stop) {
      const values = new Int32Array((stop - start) * columns);
      const texts: string[] = [];
      const integers = new BigInt64Array(stop - start);
      for (let row = start; row < stop; ) {
        const { from, to, block } = await shardOf(first + row);
        const part = [first + row - from, Math.min(first + stop, to) - from] as const;
        values.set(block.ids.subarray(part[0] * columns, part[1] * columns), (row - start) * columns);
        const own = block.keys.slice(...part);
        if (own instanceof BigInt64Array) integers.set(own, row - start);
        else for (const key of own as readonly string[]) texts.push(key);
        row += part[1] - part[0];
      }
      return { values, keys: keys === 'texts' ? texts : integers };
    },
  };
}
