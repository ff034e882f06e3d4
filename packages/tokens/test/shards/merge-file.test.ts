import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '@vqkit/checkpoint';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { describe, expect, it } from 'vitest';
import { SHARD_FORMATS, shardFile } from '../../src/shards/manifest.ts';
import { writeMerged } from '../../src/shards/merge-file.ts';
import { readTokens, writeTokens } from '../../src/token-file.ts';
import { tinyManifest, writeShards } from './plan.ts';

const folder = await temporaryFolder();

describe('writeMerged of images', () => {
  it.each(
    SHARD_FORMATS.flatMap((format) => (['texts', 'row numbers'] as const).map((keys) => [format, keys] as const)),
  )('from .%s with %s writes the bytes of one file of tokens', async (format, keys) => {
    const path = join(folder, `${format}-${keys}`);
    const { store } = await writeShards(path, tinyManifest({ format, keys }));
    const out = join(folder, `${format}-${keys}.safetensors`);
    await writeMerged(out, store);
    const { first: _, ...tokens } = await readTokens(path);
    await writeTokens(join(folder, 'whole.safetensors'), tokens);
    expect(await readFile(out)).toEqual(await readFile(join(folder, 'whole.safetensors')));
    expect((await readTokens(out)).notes?.images?.length).toBe(keys === 'texts' ? tokens.shape[0] : undefined);
  });

  it('leaves the file that was there when a shard is damaged meanwhile', async () => {
    const manifest = tinyManifest();
    const { store, path } = await writeShards(join(folder, 'damaged'), manifest);
    const out = join(folder, 'damaged.safetensors');
    await writeMerged(out, store);
    const before = await readFile(out);
    const file = shardFile(manifest, 2);
    let reads = 0;
    const failing = {
      name: path,
      async read(name: string) {
        const bytes = await store.read(name);
        // The second time, when the first shards are written.
        return name === file && ++reads > 1 ? bytes?.slice(1) : bytes;
      },
    };
    await expect(writeMerged(out, failing)).rejects.toThrow(CheckpointError);
    expect(reads).toBe(2);
    expect(await readFile(out)).toEqual(before);
  });
});
