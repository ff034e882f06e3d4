import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '@vqkit/checkpoint';
import { createRng, OptionError, ShapeError } from '@vqkit/core-tensor';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { describe, expect, it } from 'vitest';
import { encodeShard } from '../../src/shards/encode-shard.ts';
import { folderStore } from '../../src/shards/folder-store.ts';
import {
  MANIFEST,
  manifestText,
  parseManifest,
  planShards,
  recordFile,
  requireSamePlan,
  SHARD_FORMATS,
  type ShardManifest,
  shardFile,
} from '../../src/shards/manifest.ts';
import { requireComplete, surveyShards, writeManifest } from '../../src/shards/merge.ts';
import { openShards, type ShardBlock } from '../../src/shards/read-shards.ts';
import { shardState } from '../../src/shards/record.ts';
import { countTokens } from '../../src/shards/statistics.ts';
import type { ShardStore } from '../../src/shards/store.ts';
import { readTokens } from '../../src/token-file.ts';
import { blocksOf, idAt, tinyManifest, tinyPlan, writeShards } from './plan.ts';

const folder = await temporaryFolder();
let made = 0;
const engine = 'test';

const written = (manifest: ShardManifest, skips = true): ReturnType<typeof writeShards> =>
  writeShards(join(folder, `shards-${made++}`), manifest, skips);

async function all(store: ShardStore, range = {}): Promise<ShardBlock[]> {
  const blocks: ShardBlock[] = [];
  for await (const block of (await openShards(store)).blocks(range)) blocks.push(block);
  return blocks;
}

describe.each(SHARD_FORMATS)('shards as .%s', (format) => {
  it.each(['texts', 'integers', 'row numbers'] as const)('give back the ids and their %s', async (keys) => {
    const manifest = tinyManifest({ format, keys });
    const { store, path } = await written(manifest);
    const start = format === 'parquet' ? 'train' : 'ids';
    expect((await readdir(path)).filter((name) => name.endsWith(format)).sort()).toEqual(
      [0, 1, 2, 3].map((shard) => `${start}-0000${shard}-of-00004.${format}`),
    );
    const blocks = await all(store);
    const positions = blocks.flatMap((block) => [...block.positions]);
    const expected = Array.from({ length: 23 }, (_, i) => i).filter((i) => i % 7 !== 6);
    expect(positions).toEqual(expected);
    expect(blocks.flatMap((block) => [...block.ids])).toEqual(
      expected.flatMap((n) => Array.from({ length: 15 }, (_, i) => idAt(n, i, 1000))),
    );
    expect(blocks.flatMap((block) => [...block.keys]).map(String)).toEqual(
      expected.map((n) =>
        keys === 'texts' ? `folder/picture ${n}.v2.png` : String(keys === 'integers' ? 2n ** 60n + BigInt(n) : n),
      ),
    );
    expect(blocks[0]?.shape).toEqual([5, 3, 5]);
    const { skipped } = await (await openShards(store)).record(1);
    expect(skipped).toEqual([{ position: 6, name: 'folder/picture 6.v2.png', reason: 'no picture' }]);
  });

  it('read a range of positions, across shards', async () => {
    const { store } = await written(tinyManifest({ format }), false);
    for (const [from, to] of [
      [0, 23],
      [4, 7],
      [5, 6],
      [11, 11],
      [20, 23],
    ] as const) {
      const positions = (await all(store, { from, to })).flatMap((block) => [...block.positions]);
      expect(positions).toEqual(Array.from({ length: to - from }, (_, i) => from + i));
    }
  });

  it('are the same bytes when they are written again, in whatever batches', async () => {
    const manifest = tinyManifest({ format });
    const { store, path } = await written(manifest);
    const before = await readFile(join(path, shardFile(manifest, 2)));
    const record = await readFile(join(path, recordFile(manifest, 2)));
    const { from, to } = manifest.shards[2] as { from: number; to: number };
    await encodeShard(store, manifest, 2, blocksOf(manifest, from, to, { batch: 3 }), { engine });
    expect(await readFile(join(path, shardFile(manifest, 2)))).toEqual(before);
    expect(await readFile(join(path, recordFile(manifest, 2)))).toEqual(record);
  });

  it('may hold no example at all', async () => {
    const manifest = tinyManifest({ format, examples: 7 }, 7);
    const { store } = await written(manifest);
    const blocks = await all(store);
    expect(blocks.map(({ keys }) => keys.length)).toEqual([1, 1, 1, 1, 1, 1, 0]);
    expect((await surveyShards(store)).examples).toBe(6);
  });
});

describe('a tar shard', () => {
  it('has names of its own, with more than 100,000 shards too', async () => {
    const plan = tinyManifest({ format: 'tar', keys: 'row numbers', examples: 100_001, tokenShape: [1] }, 100_001);
    const store = folderStore(join(folder, 'many'));
    const heads = [10_000, 100_000].map(async (shard) => {
      const { from, to } = plan.shards[shard] ?? { from: 0, to: 0 };
      await encodeShard(store, plan, shard, blocksOf(plan, from, to, { skips: false }), { engine });
      return String((await store.readRange(shardFile(plan, shard), 0, 20)) ?? '');
    });
    expect(new Set(await Promise.all(heads)).size).toBe(2);
  });
});

describe('packed shards', () => {
  it.each(['safetensors', 'npy'] as const)('of .%s give the same ids in fewer bytes', async (format) => {
    const [plain, packed] = [false, true].map((packed) => tinyManifest({ format, packed }));
    const [a, b] = [await written(plain as ShardManifest), await written(packed as ShardManifest)];
    const ids = async (store: ShardStore): Promise<number[]> => (await all(store)).flatMap((block) => [...block.ids]);
    expect(await ids(b.store)).toEqual(await ids(a.store));
    // 15 ids of 1,000 codes: 150 bits, 19 bytes, instead of 60.
    expect((await surveyShards(b.store)).bytes).toBeLessThan((await surveyShards(a.store)).bytes - 19 * 40);
  });

  it.each(['parquet', 'tar'] as const)('are refused for .%s', (format) => {
    expect(() => tinyManifest({ format, packed: true })).toThrow(/planShards: pack must go with/);
  });
});

describe('a safetensors shard of images', () => {
  it('is an ordinary file of tokens', async () => {
    const manifest = tinyManifest();
    const { path } = await written(manifest);
    const { ids, shape, notes } = await readTokens(join(path, shardFile(manifest, 0)));
    expect(shape).toEqual([5, 3, 5]);
    expect(ids[1]).toBe(idAt(0, 1, 1000));
    expect(notes).toMatchObject({ tokenizer: 'ab'.repeat(32), imageShape: [12, 20, 3], codebookSize: 1000 });
    expect(notes?.images?.[4]).toBe('folder/picture 4.v2.png');
  });
});

describe('planShards', () => {
  it('divides any number of examples into shards that differ by one at most, without a gap', () => {
    const rng = createRng(7);
    for (let i = 0; i < 50; i++) {
      const examples = 1 + Math.floor(rng.uniform() * 1e6);
      const shards = 1 + Math.floor(rng.uniform() * Math.min(examples, 1000));
      const ranges = planShards(tinyPlan({ examples }), shards).shards;
      expect(ranges.length).toBe(shards);
      expect([ranges[0]?.from, ranges.at(-1)?.to]).toEqual([0, examples]);
      expect(ranges.every(({ from }, n) => n === 0 || from === ranges[n - 1]?.to)).toBe(true);
      const sizes = new Set(ranges.map(({ from, to }) => to - from));
      expect(
        [...sizes].every((size) => size === Math.floor(examples / shards) || size === Math.ceil(examples / shards)),
      ).toBe(true);
    }
  });

  it.each([
    [{ examples: 3 }, 4, /planShards: shards must be at most one per example \(3\), got 4/],
    [{ examples: 0 }, 1, /planShards: examples must be an integer/],
    [{}, 0, /planShards: shards must be an integer/],
  ])('refuses %j in %i shards', (given, shards, message) => {
    expect(() => planShards(tinyPlan(given), shards)).toThrow(message);
    expect(() => planShards(tinyPlan(given), shards)).toThrow(OptionError);
  });

  it('gives equal bytes for equal plans, whatever the order of their fields', () => {
    const { examples, ...rest } = tinyPlan();
    expect(manifestText(planShards({ examples, ...rest }, 3))).toBe(manifestText(planShards(tinyPlan(), 3)));
  });
});

describe('a manifest', () => {
  const text = manifestText(tinyManifest());

  it('is read as it was planned', () => {
    expect(parseManifest('test', Buffer.from(text))).toEqual(tinyManifest());
  });

  it.each([
    [
      text.replace('"examples": 23', '"examples": 24'),
      /must be as it was written, with the checksum .* edited or damaged/,
    ],
    [text.replace('"npy"', '"exe"').replace('"safetensors"', '"exe"'), /format must be one of "safetensors"/],
    [text.replace('{', '{"extra": 1,'), /must have no 'extra'/],
    [text.slice(0, 100), /must be JSON in UTF-8/],
    ['[]', /must hold an object/],
    [text.replace('"type": "vqkit-shards-1"', '"type": "vqkit-shards-9"'), /type must be/],
  ])('that was edited is refused by name (%#)', (edited, message) => {
    const read = (): unknown => parseManifest('decode: ids', Buffer.from(edited));
    expect(read).toThrow(message);
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(/^decode: ids\/manifest\.json: /);
  });

  it.each([
    ['tokenizer', { tokenizer: { sha256: 'ef'.repeat(32), config: {} } }],
    ['source', { source: { ...tinyPlan().source, sha256: 'ef'.repeat(32) } }],
    ['order of the source', { source: { ...tinyPlan().source, order: 'by chance' } }],
    ['version of vqkit', { vqkit: '9.9.9' }],
    ['format', { format: 'npy' as const }],
    ['batchSize', { batchSize: 9 }],
    ['examples', { examples: 24 }],
  ])('of another %s is not gone on with', (name, given) => {
    expect(() => requireSamePlan('encode: ids', tinyManifest(), tinyManifest(given))).toThrow(
      new RegExp(`^encode: ids holds shards of another ${name}.*: it must be .*, got .*new folder\\.$`),
    );
  });

  it('is the same wherever the data lie', () => {
    const moved = tinyManifest({ source: { ...tinyPlan().source, paths: ['/elsewhere'] } });
    expect(() => requireSamePlan('encode', tinyManifest(), moved)).not.toThrow();
  });
});

describe('the state of a shard', () => {
  const state = (store: ShardStore, manifest: ShardManifest, shard: number): ReturnType<typeof shardState> =>
    shardState('test', store, manifest, shard);

  it('is complete, missing, or damaged by one flipped bit anywhere in its two files', async () => {
    const manifest = tinyManifest();
    const { store, path } = await written(manifest);
    expect((await state(store, manifest, 1)).status).toBe('complete');
    const rng = createRng(3);
    for (const name of [shardFile(manifest, 1), recordFile(manifest, 1)]) {
      const whole = await readFile(join(path, name));
      for (let i = 0; i < 40; i++) {
        const bytes = Uint8Array.from(whole);
        const at = Math.floor(rng.uniform() * bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(rng.uniform() * 8));
        await writeFile(join(path, name), bytes);
        const found = await state(store, manifest, 1);
        // White space of the JSON says nothing.
        if (found.status === 'complete') expect(/\s/.test(String.fromCharCode(whole[at] as number))).toBe(true);
        else expect(found.status).toBe('damaged');
      }
      await writeFile(join(path, name), whole.subarray(0, whole.length / 2));
      expect((await state(store, manifest, 1)).status).toBe('damaged');
      await writeFile(join(path, name), whole);
    }
    expect((await state(store, manifest, 1)).status).toBe('complete');
  });

  it('of another tokenizer, source or order is refused by name', async () => {
    const { store } = await written(tinyManifest());
    const others: [string, ShardManifest][] = [
      ['tokenizer', tinyManifest({ tokenizer: { sha256: 'ef'.repeat(32), config: {} } })],
      ['source', tinyManifest({ source: { ...tinyPlan().source, sha256: 'ef'.repeat(32) } })],
      ['order', tinyManifest({ examples: 40 })],
      ['manifest', tinyManifest({ batchSize: 11 })],
    ];
    for (const [name, other] of others) {
      await expect(state(store, other, 1)).rejects.toThrow(new RegExp(`must be of the ${name} of manifest.json`));
    }
  });
});

describe('encodeShard', () => {
  const manifest = tinyManifest({ keys: 'row numbers' });
  it.each([
    ['too few', [...blocksOf(manifest, 0, 3)], OptionError, /must have 5 examples, got 3 and 0 skipped/],
    ['too many', [...blocksOf(manifest, 0, 9)], OptionError, /must have 5 examples, got more/],
    [
      'part of an example',
      [{ ids: new Int32Array(14), keys: BigInt64Array.of(0n) }],
      ShapeError,
      /the 15 ids of its 1 keys, got 14/,
    ],
    [
      'an id that no code has',
      [{ ids: new Int32Array(75).fill(1000), keys: new BigInt64Array(5) }],
      OptionError,
      /\[0, 1000\)/,
    ],
  ])('writes nothing of %s', async (_, blocks, kind, message) => {
    const path = join(folder, `none-${made++}`);
    const done = encodeShard(folderStore(path), manifest, 0, blocks, { engine });
    await expect(done).rejects.toThrow(message);
    await expect(done).rejects.toThrow(kind);
    expect(await readdir(path).catch(() => [])).toEqual([]);
  });
});

describe('surveyShards', () => {
  it('adds up the statistics of the whole corpus, however many shards it is in', async () => {
    const reports = [];
    for (const shards of [1, 2, 5, 23]) {
      const { store } = await written(tinyManifest({}, shards));
      reports.push((await surveyShards(store)).statistics);
    }
    for (const report of reports) expect(report).toEqual(reports[0]);
    const ids = [...blocksOf(tinyPlan(), 0, 23)].flatMap((block) => [...block.ids]);
    expect(reports[0]).toEqual(countTokens(Int32Array.from(ids), { examples: 20, numCodebooks: 1 }));
  });

  it('says what is missing or damaged, and requireComplete refuses it', async () => {
    const manifest = tinyManifest();
    const { store, path } = await written(manifest);
    requireComplete('merge', store, await surveyShards(store));
    await writeFile(join(path, shardFile(manifest, 0)), 'other');
    const survey = await surveyShards({
      ...store,
      read: (name) => (name === recordFile(manifest, 3) ? Promise.resolve(undefined) : store.read(name)),
    });
    expect(survey).toMatchObject({ complete: 2, missing: [3], damaged: [{ shard: 0 }] });
    expect(() => requireComplete('merge', store, survey)).toThrow(
      /must have all 4 shards, got 1 missing shard and 1 damaged \(0, 3\): .*5 bytes instead of/,
    );
  });

  it('needs a manifest', async () => {
    const nothing = join(folder, 'nothing');
    await expect(surveyShards(folderStore(nothing))).rejects.toThrow(
      /nothing must hold manifest\.json, got none.*shared/,
    );
  });

  it('reads no shard that is not there', async () => {
    const manifest = tinyManifest();
    const store = folderStore(join(folder, `empty-${made++}`));
    await writeManifest(store, manifest);
    await expect(all(store)).rejects.toThrow(/shard 0 must be there, of 4, got none\. Encode it/);
    expect(await store.read(MANIFEST)).toBeDefined();
    await expect((await openShards(store)).read(4)).rejects.toThrow(/shard must be/);
  });
});

describe('an integer key', () => {
  it('stands in the record where the file has no place for it', async () => {
    const manifest = tinyManifest({ format: 'npy', keys: 'integers' });
    const { store } = await written(manifest);
    const { record } = (await shardState('test', store, manifest, 0)) as { record: { keys?: readonly string[] } };
    expect(record.keys?.[0]).toBe(String(2n ** 60n));
  });
});
