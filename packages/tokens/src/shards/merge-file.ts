import { createHash } from 'node:crypto';
import { extname, join } from 'node:path';
import { encodeSafetensorsHeader } from '@vqkit/checkpoint';
import { CHECKSUM, requireWritable, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { writeRowIds } from '../row-ids.ts';
import { soundsOf, soundTexts } from '../sound-file.ts';
import { IDS, noteTexts } from '../token-file.ts';
import { imageNotes, shardRowIds } from './at-path.ts';
import { folderStore } from './folder-store.ts';
import { bytesOf, FORMATS, OFFSETS } from './formats.ts';
import { framesOf, offsetsOf } from './frames.ts';
import { SHARD_FORMATS, type ShardFormat, type ShardManifest, shardFile, TOKENIZER } from './manifest.ts';
import { openShards, readManifest, type Shards } from './read-shards.ts';
import type { ShardReader } from './store.ts';
import type { StoredPart } from './stored.ts';
import { storedParts } from './values.ts';

/** Rows of a block of the file. */
const ROWS = 4096;

/**
 * Throws unless {@link writeMerged} can write the shards of a folder there.
 * @throws OptionError for an ending of no format, or a file of the folder itself; CheckpointError where nothing can be written, or the folder has no manifest.
 */
export async function requireMergeable(where: string, path: string, folder: string): Promise<void> {
  const format = formatOf(where, path);
  const manifest = await readManifest(where, folderStore(folder));
  requireHolds(where, path, format, manifest);
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

function requireHolds(where: string, path: string, format: ShardFormat, { sound }: ShardManifest): void {
  if (sound === undefined || format !== 'npy') return;
  const rule = 'end in .safetensors, .parquet or .tar for sounds, whose lengths .npy does not hold';
  throw new OptionError(where, 'out', rule, path, 'Write for example ids.parquet.');
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
  requireHolds('writeMerged', path, format, manifest);
  if (manifest.sound !== undefined) return writeFileAtomic(path, mergedSounds(shards, format));
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

/** All recordings in one file; as .safetensors the bytes that `writeSoundTokens` writes. */
async function* mergedSounds(shards: Shards, format: ShardFormat): AsyncGenerator<Uint8Array> {
  const { manifest } = shards;
  const { tokenizer, codebookSize, numCodebooks, tokenShape, sound = { sampleRate: 1, hop: 1 } } = manifest;
  const samples: number[] = [];
  const names: string[] = [];
  for (let shard = 0; shard < manifest.shards.length; shard++) {
    const { keys, samples: own = [] } = await shards.record(shard);
    for (const count of own) samples.push(count);
    if (format !== 'safetensors') continue;
    for (const name of keys ?? (await shards.read(shard)).keys) names.push(String(name));
  }
  const frames = framesOf(samples, sound);
  const offsets = offsetsOf(frames);
  const rows = offsets.at(-1) as number;
  if (format !== 'safetensors') {
    const parts = (async function* (): AsyncGenerator<StoredPart> {
      for await (const { ids, keys, samples: own } of shards.blocks()) {
        const counts = Array.from(own ?? []);
        const sounds = { samples: counts, frames: framesOf(counts, sound) };
        yield* storedParts({ values: ids, keys, sounds }, numCodebooks);
      }
    })();
    const shared = { count: samples.length, shape: tokenShape, dtype: 'I32', keys: manifest.keys } as const;
    yield* FORMATS[format].write({ ...shared, prefix: '', notes: {}, sounds: { rows, offsets } }, parts);
    return;
  }
  const known = { tokenizer: tokenizer.sha256, codebookSize, numCodebooks, ...sound };
  const texts = soundTexts({ ...known, sounds: soundsOf(names, { frames, samples }) });
  const layout = [
    [OFFSETS, { dtype: 'I64', shape: [offsets.length] }],
    [IDS, { dtype: 'I32', shape: [rows, numCodebooks] }],
  ] as const;
  const starts = bytesOf(BigInt64Array.from(offsets, BigInt));
  yield* withChecksum(layout, texts, async function* () {
    yield starts;
    for await (const { ids } of shards.blocks()) yield bytesOf(ids);
  });
}

/** A safetensors file whose checksum stands before its values, so that it takes a pass of its own. */
async function* withChecksum(
  layout: Parameters<typeof encodeSafetensorsHeader>[0],
  texts: Readonly<Record<string, string>>,
  values: () => AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256').update(encodeSafetensorsHeader(layout, texts));
  for await (const part of values()) hash.update(part);
  yield encodeSafetensorsHeader(layout, { ...texts, [CHECKSUM]: hash.digest('hex') });
  yield* values();
}

/** The bytes that `writeTokens` writes of all. */
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
  yield* withChecksum(layout, texts, async function* () {
    for await (const { ids } of shards.blocks()) yield bytesOf(ids);
  });
}
