import { mkdir, readdir, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '@vqkit/checkpoint';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { openRows, writeRows } from '@vqkit/rows';
import { blobs, temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { createVectorTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import {
  folderStore,
  openRowIds,
  openShards,
  planShards,
  readManifest,
  readTokens,
  recordFile,
  requireComplete,
  type ShardFormat,
  shardFile,
  surveyShards,
  writeManifest,
  writeMerged,
} from '@vqkit/tokens';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeShards, isShardFolder, type ShardsHooks } from '../src/shards/encode-shards.ts';
import type { ShardOptions } from '../src/shards/options.ts';
import { readTokenizer } from '../src/tokenizer.ts';
import { decodeTokens } from '../src/tokens/decode-tokens.ts';
import { decodeVectors } from '../src/tokens/decode-vectors.ts';
import { encodeImages } from '../src/tokens/encode-images.ts';
import { encodeVectors } from '../src/tokens/encode-vectors.ts';
import { train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

const folder = await temporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);
const engine = 'cpu';
const PICTURES = 23;

beforeAll(async () => {
  const data = await tinyIdxFolder();
  await train(tinyConfig(data, at('grey'), { steps: 2 }));
  await writeFile(at('grey.safetensors'), await readTokenizer(at('grey')));
  await train(tinyConfig(data, at('other'), { steps: 2, seed: 9 }));
  await makePictures(at('pictures'));
  const vectors = new Float32Array(70 * 4).map((_, i) => Math.sin(i * i));
  const keys = Array.from({ length: 70 }, (_, i) => `item ${i}`);
  await writeRows(at('items.parquet'), { column: 'x', dtype: 'F32', count: 70, width: 4, keys: 'texts' }, [
    { values: vectors, keys },
  ]);
  const integers = BigInt64Array.from({ length: 70 }, (_, i) => 10n ** 15n + BigInt(i));
  await writeRows(at('items.npy'), { column: 'x', dtype: 'F32', count: 70, width: 4, keys: 'integers' }, [
    { values: vectors, keys: integers },
  ]);
  const made = createVectorTokenizer({
    quantizer: 'residual-fsq',
    quantizerOptions: { levels: [5, 3], numQuantizers: 3 },
    features: 4,
    hidden: [],
  });
  await writeFile(at('vectors.safetensors'), await saveTokenizer(made));
  made.dispose();
});

async function makePictures(path: string): Promise<void> {
  for (let i = 0; i < PICTURES; i++) {
    const file = join(path, `${i % 3}`, `p${i}.png`);
    await mkdir(join(path, `${i % 3}`), { recursive: true });
    await sharp(blobs(1, i), { raw: { width: 8, height: 8, channels: 1 } }).toFile(file);
  }
  await writeFile(join(path, '1', 'broken.png'), 'no picture');
}

/** Encodes the pictures, on the cpu engine, as nobody's scheduler asks. */
const encode = (options: ShardOptions, hooks: ShardsHooks = {}, tokenizer = 'grey.safetensors', environment = {}) =>
  encodeShards(at(tokenizer), { paths: [at('pictures')], batchSize: 4, engine, ...options }, hooks, environment);

async function bytesOf(path: string): Promise<Record<string, string>> {
  const names = (await readdir(path)).sort();
  const all = names.map(async (name) => [name, (await readFile(join(path, name))).toString('base64')] as const);
  return Object.fromEntries(await Promise.all(all));
}

describe('encodeShards', () => {
  it('gives, in any number of shards, the file and the statistics of one process', async () => {
    await encodeImages(at('grey.safetensors'), {
      paths: [at('pictures')],
      batchSize: 256,
      out: at('whole.safetensors'),
      engine,
    });
    const whole = await readFile(at('whole.safetensors'));
    const reports = [];
    for (const shards of [1, 2, 5, 24]) {
      const out = at(`split-${shards}`);
      const result = await encode({ out, shards });
      expect(result).toMatchObject({ status: 'finished', encoded: shards, there: 0, failed: [] });
      await writeMerged(at('merged.safetensors'), folderStore(out));
      expect(await readFile(at('merged.safetensors'))).toEqual(whole);
      const survey = await surveyShards(folderStore(out));
      requireComplete('test', folderStore(out), survey);
      expect(survey.skipped).toEqual([
        { position: 8, name: '1/broken.png', reason: 'by its content no PNG or JPEG, but something else' },
      ]);
      reports.push(survey.statistics);
    }
    for (const report of reports) expect(report).toEqual(reports[0]);
  });

  it('goes on after an interruption at any batch, to the same bytes', async () => {
    await encode({ out: at('straight'), shards: 5 });
    const expected = await bytesOf(at('straight'));
    for (let batch = 1; batch < 8; batch++) {
      const out = at(`stopped-${batch}`);
      const stop = new AbortController();
      let calls = 0;
      const first = await encode(
        { out, shards: 5 },
        { signal: stop.signal, onExamples: () => ++calls === batch && stop.abort() },
      );
      expect(first).toEqual({ status: 'interrupted' });
      const second = await encode({ out });
      expect(second).toMatchObject({ status: 'finished' });
      expect(await bytesOf(out)).toEqual(expected);
      expect(await encode({ out })).toMatchObject({ encoded: 0, there: 5 });
    }
  });

  it('encodes anew what is damaged, and says so', async () => {
    const out = at('damaged');
    await encode({ out, shards: 3 });
    const expected = await bytesOf(out);
    await writeFile(join(out, 'ids-00001-of-00003.safetensors'), 'nothing');
    await rm(join(out, 'ids-00002-of-00003.safetensors'));
    const warnings: string[] = [];
    const result = await encode({ out }, { onWarning: (message) => warnings.push(message) });
    expect(result).toMatchObject({ encoded: 2, there: 1 });
    expect(warnings).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/00001-of-00003\.safetensors must be the file of .*7 bytes instead of/),
        expect.stringMatching(/00002-of-00003\.safetensors must be .*there is none/),
      ]),
    );
    expect(await bytesOf(out)).toEqual(expected);
  });

  it('does one shard where it is asked for, or a scheduler asks', async () => {
    const out = at('one');
    await encode({ out, shards: 4, plan: true });
    expect((await readdir(out)).sort()).toEqual(['manifest.json', 'names.jsonl', 'tokenizer.safetensors']);
    expect(await isShardFolder(out)).toBe(true);
    await encode({ out, shard: 2 });
    await encode({ out }, {}, 'grey.safetensors', { JOB_COMPLETION_INDEX: '0' });
    await encode({ out, shards: 4 }, {}, 'grey.safetensors', { SLURM_ARRAY_TASK_ID: '3' });
    expect((await surveyShards(folderStore(out))).missing).toEqual([1]);
    await expect(encode({ out, shard: 4 })).rejects.toThrow(/encodeShards: shard must be .* got 4/);
    for (const index of ['4', '-1', 'x', '']) {
      const done = encode({ out }, {}, 'grey.safetensors', { JOB_COMPLETION_INDEX: index });
      await expect(done).rejects.toThrow(/shard \(JOB_COMPLETION_INDEX\) must be an integer/);
    }
    expect(await encode({ out })).toMatchObject({ encoded: 1, there: 3 });
  });

  it.each([
    ['another tokenizer', {}, 'other', /shards of another tokenizer \(SHA-256\)/],
    ['another number of shards', { shards: 4 }, 'grey.safetensors', /another number of shards: it must be 3, got 4/],
    ['another format', { format: 'npy' }, 'grey.safetensors', /another format/],
    ['another batch size', { batchSize: 5 }, 'grey.safetensors', /another batchSize/],
    ['other pictures', { paths: ['elsewhere'] }, 'grey.safetensors', /another examples: it must be 24, got 1/],
  ] as const)('refuses %s, and leaves what is there', async (_, options, tokenizer, message) => {
    const out = at('refusing');
    await mkdir(at('elsewhere'), { recursive: true });
    await sharp(blobs(1, 1), { raw: { width: 8, height: 8, channels: 1 } }).toFile(at('elsewhere', 'x.png'));
    await encode({ out, shards: 3 });
    const before = await bytesOf(out);
    const { paths, ...others }: ShardOptions = options;
    const done = encode(
      { out, ...others, ...(paths === undefined ? {} : { paths: paths.map((name) => at(name)) }) },
      {},
      tokenizer,
    );
    await expect(done).rejects.toThrow(message);
    await expect(done).rejects.toThrow(OptionError);
    expect(await bytesOf(out)).toEqual(before);
  });

  it('refuses a source whose names have changed, and one shard of a picture that is gone', async () => {
    const pictures = at('changing');
    await makePictures(pictures);
    const out = at('changed');
    await encode({ out, shards: 3, paths: [pictures], plan: true });
    await rename(join(pictures, '2', 'p2.png'), join(pictures, '2', 'renamed.png'));
    const whole = encode({ out, paths: [pictures] });
    await expect(whole).rejects.toThrow(/shards of another source \(SHA-256 of its names or data\)/);
    const one = encode({ out, paths: [pictures], shard: 2 });
    await expect(one).rejects.toThrow(/2\/p2\.png must be readable, got ENOENT.*shard 2 is left for that/);
    expect((await surveyShards(folderStore(out))).missing).toEqual([0, 1, 2]);
    await rename(join(pictures, '2', 'renamed.png'), join(pictures, '2', 'p2.png'));
    expect(await encode({ out, paths: [pictures] })).toMatchObject({ encoded: 3 });
  });

  it('restores names that were lost or damaged, for shards that are still to be done', async () => {
    const out = at('restored');
    await encode({ out, shards: 3, plan: true });
    const names = await readFile(join(out, 'names.jsonl'));
    for (const damaged of [undefined, '', `${names}x`, `x${names}`, names.subarray(0, 20)]) {
      if (damaged === undefined) await rm(join(out, 'names.jsonl'));
      else await writeFile(join(out, 'names.jsonl'), damaged);
      await encode({ out, plan: true });
      expect(await readFile(join(out, 'names.jsonl'))).toEqual(names);
    }
  });

  it('takes a link that leads nowhere for a broken picture, and data that were moved for the same', async () => {
    const pictures = at('links');
    await makePictures(pictures);
    await symlink('nowhere', join(pictures, 'z.png'));
    const out = at('linked');
    await encode({ out, shards: 2, paths: [pictures], plan: true });
    await rename(pictures, at('moved'));
    const result = await encode({ out, paths: [at('moved')] });
    expect(result).toMatchObject({ survey: { examples: PICTURES } });
    const survey = await surveyShards(folderStore(out));
    expect(survey.skipped.map(({ name }) => name)).toEqual(['1/broken.png', 'z.png']);
  });

  it('refuses a folder that another version of vqkit planned, and an edited manifest', async () => {
    const out = at('version');
    await encode({ out, shards: 2 });
    const store = folderStore(out);
    const { sha256: _, shards, ...plan } = await readManifest('test', store);
    await writeManifest(
      store,
      planShards(
        { ...plan, vqkit: '99.0.0' },
        2,
        shards.flatMap(({ names }) => names ?? []),
      ),
    );
    await expect(encode({ out })).rejects.toThrow(
      /the worker must be of the manifest's version of vqkit, "99\.0\.0", got "0\.0\.0"\. Install vqkit@99\.0\.0/,
    );
    const text = await readFile(join(out, 'manifest.json'), 'utf8');
    await writeFile(join(out, 'manifest.json'), text.replace('"examples": 24', '"examples": 23'));
    await expect(encode({ out })).rejects.toThrow(
      /manifest\.json: the file must be as it was written.*edited or damaged/,
    );
    await expect(encode({ out })).rejects.toThrow(CheckpointError);
  });

  it('needs a folder and, where it is new, a number of shards', async () => {
    await expect(encode({ shards: 2 })).rejects.toThrow(/encodeShards: out must be given/);
    await expect(encode({ out: at('new') })).rejects.toThrow(/shards must be given for a new folder/);
    await expect(encode({ out: at('new'), shards: 2, shard: 0.5 } as ShardOptions)).rejects.toThrow(
      /shard must be an integer/,
    );
    await mkdir(at('empty'), { recursive: true });
    await expect(encode({ out: at('new'), shards: 2, paths: [at('empty')] })).rejects.toThrow(/at least one readable/);
    await expect(encode({ out: at('new'), shards: 99 })).rejects.toThrow(/at most one per example \(24\), got 99/);
  });

  it('writes names that a text file would not hold', async () => {
    const names = ['a b.png', 'zwei\nZeilen.png', 'ü"\\.png', '名前.png'];
    await mkdir(at('strange'), { recursive: true });
    for (const name of names) {
      await sharp(blobs(1, 3), { raw: { width: 8, height: 8, channels: 1 } })
        .png()
        .toFile(at('strange', name));
    }
    await encode({ out: at('named'), shards: 3, paths: [at('strange')], format: 'tar' });
    const { notes } = await readTokens(at('named'));
    expect(notes?.images).toEqual([...names].sort());
  });

  it.each(['safetensors', 'npy', 'parquet', 'tar'] as const)(
    'decodes .%s, all and a range of it',
    async (format: ShardFormat) => {
      const out = at(`as-${format}`);
      await encode({ out, shards: 4, format, ...(format === 'npy' ? { pack: true } : {}) });
      await decodeTokens(at('grey'), out, { out: at(`pictures-${format}`), from: 5, limit: 6, engine });
      const decoded = (await readdir(at(`pictures-${format}`), { recursive: true })).filter((name) =>
        name.endsWith('.png'),
      );
      // Position 8 was skipped.
      expect(decoded.length).toBe(5);
      const manifest = await readManifest('test', folderStore(out));
      const one = await readTokens(join(out, shardFile(manifest, 1)));
      expect(one.shape).toEqual([5, 2, 2]);
      expect(one.ids).toEqual((await readTokens(out, { from: 6, to: 12 })).ids);
    },
  );
});

describe('encodeShards of vectors', () => {
  const vectors = (options: ShardOptions, path = 'items.parquet') =>
    encodeShards(at('vectors.safetensors'), { paths: [at(path)], batchSize: 8, engine, ...options }, {}, {});

  it.each([
    ['items.parquet', 'parquet'],
    ['items.npy', 'safetensors'],
    ['items.npy', 'npy'],
    ['items.parquet', 'tar'],
  ] as const)('of %s as .%s gives the ids and keys of one process', async (path, format) => {
    const out = at(`rows-${path}-${format}`);
    const result = await vectors({ out, shards: 6, format }, path);
    expect(result).toMatchObject({ status: 'finished', encoded: 6 });
    await encodeVectors(at('vectors.safetensors'), at(path), { out: at('ids.parquet'), engine });
    const [one, many] = [await openRowIds(at('ids.parquet')), await openRowIds(out)];
    expect({ count: many.count, columns: many.columns, keys: many.keys }).toEqual({
      count: 70,
      columns: 3,
      keys: one.keys,
    });
    const rng = createRng(2);
    for (let i = 0; i < 10; i++) {
      const from = Math.floor(70 * rng.uniform());
      const to = from + 1 + Math.floor((69 - from) * rng.uniform());
      expect(await many.read(from, to)).toEqual(await one.read(from, to));
    }
    await writeMerged(at('merged.parquet'), folderStore(out));
    const merged = await openRowIds(at('merged.parquet'));
    expect(await merged.read(0, 70)).toEqual(await one.read(0, 70));
  });

  it('decodes them, all and a part', async () => {
    const out = at('rows-decoded');
    await vectors({ out, shards: 4 }, 'items.npy');
    await decodeVectors(at('vectors.safetensors'), out, { out: at('all.npy'), engine });
    await decodeVectors(at('vectors.safetensors'), out, { out: at('part.npy'), from: 20, limit: 30, engine });
    const [all, part] = [await openRows('test', at('all.npy')), await openRows('test', at('part.npy'))];
    expect(await part.read(0, 30)).toEqual(await all.read(20, 50));
  });

  it('refuses rows that have changed', async () => {
    const out = at('rows-changed');
    await writeFile(at('changing.npy'), await readFile(at('items.npy')));
    await vectors({ out, shards: 4 }, 'changing.npy');
    const bytes = await readFile(at('changing.npy'));
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    await writeFile(at('changing.npy'), bytes);
    await expect(vectors({ out }, 'changing.npy')).rejects.toThrow(/shards of another source/);
    await unlink(at('changing.npy'));
    await expect(vectors({ out }, 'changing.npy')).rejects.toThrow(/changing\.npy must be a readable file/);
    expect(await (await openShards(folderStore(out))).record(3)).toMatchObject({ examples: 18 });
    expect(recordFile({ shards: new Array<never>(4) }, 3)).toBe('ids-00003-of-00004.json');
  });
});
