import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeNpy, decodeSafetensors, encodeNpy, encodeSafetensors, type SafeTensor } from '@vqkit/checkpoint';
import { createRng } from '@vqkit/core-tensor';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { describe, expect, it } from 'vitest';
import { openRowIds } from '../../src/row-ids.ts';
import { shardsAt } from '../../src/shards/at-path.ts';
import { encodeShard } from '../../src/shards/encode-shard.ts';
import { folderStore } from '../../src/shards/folder-store.ts';
import { parseManifest, planShards, recordFile, type ShardManifest, shardFile } from '../../src/shards/manifest.ts';
import { surveyShards, writeManifest } from '../../src/shards/merge.ts';
import { requireMergeable, writeMerged } from '../../src/shards/merge-file.ts';
import { openShards, type ShardBlock } from '../../src/shards/read-shards.ts';
import { shardState } from '../../src/shards/record.ts';
import { digestOf, seal } from '../../src/shards/sealed.ts';
import type { ShardStore } from '../../src/shards/store.ts';
import type { IdBlock } from '../../src/shards/values.ts';
import { readSoundTokens, writeSoundTokens } from '../../src/sound-file.ts';
import { readTokens } from '../../src/token-file.ts';
import { tinyPlan } from './plan.ts';

const folder = await temporaryFolder();
let made = 0;
const HOP = 10;
const EXAMPLES = 11;
/** Position 4 cannot be read. */
const SKIPPED = 4;

/** Of one sample, of a whole frame, of many. */
const samplesOf = (position: number): number => [1, HOP, HOP + 1, 700, 95][position % 5] ?? 1;
const framesOf = (position: number): number => Math.ceil(samplesOf(position) / HOP);

function soundManifest(given: Parameters<typeof tinyPlan>[0] = {}, shards = 3): ShardManifest {
  const { numCodebooks = 2 } = given;
  const sound = { sampleRate: 1000, hop: HOP };
  const shapes = { numCodebooks, tokenShape: [numCodebooks], exampleShape: [1], sound };
  return planShards(tinyPlan({ ...shapes, examples: EXAMPLES, keys: 'texts', ...given }), shards);
}

const idsOf = (position: number, { numCodebooks, codebookSize }: ShardManifest): Int32Array => {
  const rng = createRng(position);
  return Int32Array.from({ length: framesOf(position) * numCodebooks }, () => rng.integer(codebookSize));
};
const nameOf = (position: number): string => `a.tar/ü ${position}.flac`;

function* blocksOf(manifest: ShardManifest, from: number, to: number): Generator<IdBlock> {
  for (let start = from; start < to; start += 2) {
    const all = Array.from({ length: Math.min(2, to - start) }, (_, i) => start + i);
    const there = all.filter((position) => position !== SKIPPED);
    yield {
      ids: Int32Array.from(there.flatMap((position) => [...idsOf(position, manifest)])),
      samples: there.map(samplesOf),
      keys: there.map(nameOf),
      skipped: all.filter((n) => n === SKIPPED).map((position) => ({ position, name: 'x', reason: 'empty' })),
    };
  }
}

async function written(manifest: ShardManifest): Promise<{ store: ShardStore; path: string }> {
  const path = join(folder, `sounds-${made++}`);
  const store = folderStore(path);
  await writeManifest(store, manifest);
  for (const [shard, { from, to }] of manifest.shards.entries()) {
    await encodeShard(store, manifest, shard, blocksOf(manifest, from, to), { engine: 'test' });
  }
  return { store, path };
}

async function all(store: ShardStore, range = {}): Promise<{ name: string; ids: number[]; samples: number }[]> {
  const found = [];
  for await (const block of (await openShards(store)).blocks(range)) found.push(...soundsOf(block));
  return found;
}

function soundsOf({
  ids,
  shape,
  keys,
  offsets,
  samples,
}: ShardBlock): { name: string; ids: number[]; samples: number }[] {
  const [frames = 0, width = 0] = shape;
  expect([offsets?.at(0), offsets?.at(-1), ids.length]).toEqual([0, frames, frames * width]);
  return [...keys].map((key, n) => ({
    name: String(key),
    ids: [...ids.subarray((offsets?.[n] ?? 0) * width, (offsets?.[n + 1] ?? 0) * width)],
    samples: samples?.[n] ?? 0,
  }));
}

function expected(manifest: ShardManifest, from = 0, to = EXAMPLES): Awaited<ReturnType<typeof all>> {
  const positions = Array.from({ length: to - from }, (_, i) => from + i).filter((n) => n !== SKIPPED);
  return positions.map((n) => ({ name: nameOf(n), ids: [...idsOf(n, manifest)], samples: samplesOf(n) }));
}

const KINDS = [
  ['safetensors', false],
  ['safetensors', true],
  ['npy', false],
  ['npy', true],
  ['parquet', false],
  ['tar', false],
] as const;

describe.each(KINDS)('shards of recordings as .%s, packed %s', (format, packed) => {
  it.each([1, 2])('give back the ids of each, of %i codebooks', async (numCodebooks) => {
    const manifest = soundManifest({ format, packed, numCodebooks });
    const { store, path } = await written(manifest);
    expect(await all(store)).toEqual(expected(manifest));
    for (const [from, to] of [
      [0, 1],
      [3, 6],
      [4, 5],
      [2, 11],
    ] as const) {
      expect(await all(store, { from, to })).toEqual(expected(manifest, from, to));
    }
    const { samples, statistics, skipped } = await surveyShards(store);
    expect(samples).toBe(expected(manifest).reduce((sum, { samples }) => sum + samples, 0));
    expect(statistics.codebooks.length).toBe(numCodebooks);
    expect(skipped.length).toBe(1);

    const out = join(folder, `merged-${made}.safetensors`);
    await writeMerged(out, store);
    const { sha256 } = manifest.tokenizer;
    const sounds = expected(manifest).map(({ name, samples }) => {
      return { name, samples, frames: Math.ceil(samples / HOP) };
    });
    const notes = { tokenizer: sha256, codebookSize: 1000, numCodebooks, sampleRate: 1000, hop: HOP, sounds };
    const ids = Int32Array.from(expected(manifest).flatMap(({ ids }) => ids));
    await writeSoundTokens(join(folder, 'whole.safetensors'), { ids, notes });
    expect(await readFile(out)).toEqual(await readFile(join(folder, 'whole.safetensors')));
    expect(await readSoundTokens(out)).toEqual({ ids, notes });
    if (format === 'safetensors' && !packed) {
      // Away from its folder it is an ordinary file of tokens.
      const one = await readSoundTokens(join(path, shardFile(manifest, 0)));
      expect(one.notes.sounds).toEqual(sounds.slice(0, 3));
    }
  });

  it('may hold no recording', async () => {
    const { store } = await written(soundManifest({ format, packed }, EXAMPLES));
    expect((await (await openShards(store)).read(SKIPPED)).offsets).toEqual(Float64Array.of(0));
    expect((await all(store)).length).toBe(EXAMPLES - 1);
  });
});

describe('recordings', () => {
  it('are no rows of one width and no pictures, and have no lengths in one .npy', async () => {
    const { path, store } = await written(soundManifest({ format: 'npy' }));
    await expect(openRowIds(path)).rejects.toThrow(
      /the shards must hold as many ids for each row, got those of sounds/,
    );
    await expect(readTokens(path)).rejects.toThrow(/the shards must hold ids of images/);
    await expect(writeMerged(join(folder, 'all.npy'), store)).rejects.toThrow(/whose lengths \.npy does not hold/);
    await expect(requireMergeable('merge', join(folder, 'all.npy'), path)).rejects.toThrow(/merge: out must end in/);
    expect((await shardsAt(join(path, 'ids-00001-of-00003.npy')))?.from).toBe(3);
  });

  it('are named, and planned by frames', () => {
    expect(() => soundManifest({ tokenShape: [3, 2] })).toThrow(/tokenShape must be \[numCodebooks\], of a frame/);
    expect(() => soundManifest({ keys: 'integers' })).toThrow(/keys 'texts', for sound/);
  });

  it.each([
    [{ samples: undefined }, /samples must be an integer >= 1 for each of the 1 recordings/],
    [{ samples: [0] }, /samples must be an integer >= 1/],
    [{ samples: [25, 1] }, /samples must be an integer >= 1/],
    [{ samples: [31] }, /a block must have the 8 ids of its 1 keys, got 6/],
  ])('without their samples are refused (%#)', async (block, message) => {
    const manifest = soundManifest({ examples: 1 }, 1);
    const store = folderStore(join(folder, 'refused'));
    const given = { ids: new Int32Array(6), keys: ['a'], ...block };
    await expect(encodeShard(store, manifest, 0, [given], { engine: 'test' })).rejects.toThrow(message);
    expect(await store.read(recordFile(manifest, 0))).toBeUndefined();
  });
});

/** Changes a record, with a checksum that is right. */
async function editRecord(store: ShardStore, manifest: ShardManifest, edited: object): Promise<void> {
  const name = recordFile(manifest, 0);
  const { sha256: _, ...record } = JSON.parse(String(await store.read(name))) as { sha256: string };
  await store.write(name, seal({ ...record, ...edited }).text);
}

/** Puts another file into a shard. */
async function replaceFile(store: ShardStore, manifest: ShardManifest, bytes: Uint8Array): Promise<void> {
  const file = { name: shardFile(manifest, 0), bytes: bytes.length, sha256: digestOf(bytes) };
  await store.write(file.name, [bytes]);
  await editRecord(store, manifest, { file });
}

describe('recordings whose checksums were put right after an edit', () => {
  it.each([
    [{ samples: undefined }, /samples must be there, of each example/],
    [{ samples: [1, 10] }, /samples must be 3, got 2/],
    [{ samples: [1, -10, 11] }, /samples\[1\] must be/],
    [{ samples: [1, 10.5, 11] }, /samples\[1\] must be/],
    [{ samples: [1, 2 ** 60, 11] }, /samples\[1\] must be/],
    [{ samples: [1, 2 ** 50, 11] }, /samples must make at most 1073741824 ids/],
    [{ samples: [1, 1, 1] }, /count at most the 3 tokens, got 4/],
  ])('have a record that is damaged (%#)', async (edited, message) => {
    const manifest = soundManifest({ format: 'npy' });
    const { store } = await written(manifest);
    await editRecord(store, manifest, edited);
    expect(await shardState('merge', store, manifest, 0)).toMatchObject({
      status: 'damaged',
      reason: expect.stringMatching(message) as string,
    });
  });

  it.each(['safetensors', 'npy', 'parquet', 'tar'] as const)(
    'have as .%s the lengths of their record',
    async (format) => {
      const manifest = soundManifest({ format });
      const { store } = await written(manifest);
      // As many ids in all.
      await editRecord(store, manifest, { samples: [HOP + 1, HOP, 1] });
      const read = (await openShards(store)).read(0);
      if (format === 'npy') expect((await read).offsets).toEqual(Float64Array.of(0, 2, 3, 4));
      else {
        const message = {
          safetensors: /'offsets' must be the 4 frames where recordings begin, and the last ends, got 1 at 1/,
          parquet: /example 0 must have 4 ids, as its record says, got 2/,
          tar: /ids must have the shape \[2,2\], as its record says, got \[1,2\]/,
        }[format];
        await expect(read).rejects.toThrow(message);
      }
      await editRecord(store, manifest, { samples: [1, HOP, 700] });
      await expect((await openShards(store)).read(0)).rejects.toThrow(
        {
          safetensors: /'offsets'/,
          npy: /hold 144 values, got 8/,
          parquet: /example 2 must have 140 ids/,
          tar: /\[70,2\]/,
        }[format],
      );
      // Fewer frames than the file has, which parquet is not to read on for.
      const { statistics } = await (await openShards(store)).record(0);
      const fewer = { ...statistics, codebooks: statistics.codebooks.map(() => ({ codes: [1], counts: [3] })) };
      await editRecord(store, manifest, { samples: [1, 1, 1], statistics: fewer });
      await expect((await openShards(store)).read(0)).rejects.toThrow(
        {
          safetensors: /'offsets'/,
          npy: /hold 6 values, got 8/,
          parquet: /have 6 numbers in all, got more/,
          tar: /of 1 samples, as its record says, got 10/,
        }[format],
      );
    },
  );

  it('have a tar whose samples are those of the record', async () => {
    const manifest = soundManifest({ format: 'tar' });
    const { store } = await written(manifest);
    await editRecord(store, manifest, { samples: [2, HOP, HOP + 1] });
    await expect((await openShards(store)).read(0)).rejects.toThrow(
      /the key must be of 2 samples, as its record says, got 1/,
    );
  });

  it('have ids of their codebooks, in files that are cut or longer too', async () => {
    const manifest = soundManifest({ format: 'npy' });
    for (const [bytes, message] of [
      [encodeNpy(new Int32Array(8).fill(1000), [4, 2]), /have ids in \[0, 1000\) or -1, got 1000/],
      [encodeNpy(new Int32Array(8).fill(-2), [4, 2]), /have ids in \[0, 1000\) or -1, got -2/],
      [encodeNpy(new Int32Array(6), [3, 2]), /hold 8 values, got 6/],
      [encodeNpy(new Int32Array(8), [4, 2]).subarray(0, 150), /npy must have 160 bytes/],
    ] as const) {
      const { store } = await written(manifest);
      await replaceFile(store, manifest, bytes);
      await expect((await openShards(store)).read(0)).rejects.toThrow(message);
    }
  });

  it.each([
    [undefined, /'offsets' must be .*, got none of I64/],
    [BigInt64Array.of(0n, 1n, 2n), /'offsets' must be .*, got 3 of them/],
    [BigInt64Array.of(0n, 1n, 2n, 2n ** 62n), /'offsets' must be .*, got 4611686018427387904 at 3/],
    [BigInt64Array.of(0n, 1n, -2n, 4n), /'offsets' must be .*, got -2 at 2/],
  ])('have offsets (%#)', async (data, message) => {
    const manifest = soundManifest();
    const { store } = await written(manifest);
    const { tensors, metadata } = decodeSafetensors((await store.read(shardFile(manifest, 0))) ?? new Uint8Array());
    const { offsets: _, ...others } = tensors;
    const offsets: Record<string, SafeTensor> =
      data === undefined ? {} : { offsets: { dtype: 'I64', shape: [data.length], data } };
    await replaceFile(store, manifest, encodeSafetensors({ ...offsets, ...others }, metadata));
    await expect((await openShards(store)).read(0)).rejects.toThrow(message);
  });

  it.each([
    [{ sound: { sampleRate: 1000, hop: 0 } }, /sound\.hop must be/],
    [{ sound: { sampleRate: 1000, hop: 10, more: 1 } }, /sound/],
    [{ tokenShape: [3, 2] }, /tokenShape must be \[2\] for sound, the ids of a frame/],
    [{ exampleShape: [8, 8, 1] }, /exampleShape must be \[channels\] for sound/],
    [{ keys: 'row numbers' }, /keys must be 'texts' for sound/],
  ])('have a manifest of sound (%#)', (edited, message) => {
    const { sha256: _, ...value } = { type: 'vqkit-shards-1', ...soundManifest(), ...edited };
    expect(() => parseManifest('decode: ids', Buffer.from(seal(value).text))).toThrow(message);
  });

  it('are as .npy one array that NumPy reads', async () => {
    const manifest = soundManifest({ format: 'npy' }, 1);
    const { store } = await written(manifest);
    const { dtype, shape } = decodeNpy((await store.read(shardFile(manifest, 0))) ?? new Uint8Array());
    const frames = expected(manifest).reduce((sum, { ids }) => sum + ids.length / 2, 0);
    expect([dtype, shape]).toEqual(['I32', [frames, 2]]);
  });
});
