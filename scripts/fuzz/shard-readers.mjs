// The readers of folders of shards, for readers.mjs: one file of a folder is damaged, as it stands or with every checksum above it put right.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeShards } from '../../apps/train/dist/index.js';
import { packageVersion } from '../../apps/train/dist/shards/version.js';
import {
  countTokens,
  mergeStatistics,
  openShards,
  requireComplete,
  surveyShards,
} from '../../packages/tokens/dist/index.js';
import { planId } from '../../packages/tokens/dist/shards/manifest.js';
import { digestOf, seal } from '../../packages/tokens/dist/shards/sealed.js';
import { FIXTURES, files } from './corpus.mjs';
import { cli } from './errors.mjs';
import { mutateBytes, mutateContent, mutateHeader, mutateJsonFile } from './mutate.mjs';

/**
 * @typedef {import('./corpus.mjs').Whole} Whole
 * @typedef {import('../../packages/tokens/dist/index.js').ShardBlock} ShardBlock
 * @typedef {Record<string, Uint8Array>} Folder bytes of files by their names
 */

/** Folders of make-shards.mjs: each format, kinds of keys, packed and skipped ones; and of recordings. */
const SOUNDS = ['sounds', 'sounds-packed', 'sounds-parquet', 'sounds-tar'];
const FOLDERS = ['safetensors', 'npy', 'parquet', 'tar', 'keys', ...SOUNDS];
const SHARDS = join(FIXTURES, 'shards');

/**
 * Whole folders, as if this version of vqkit had planned them.
 * @type {Record<string, Folder>}
 */
const WHOLE = Object.fromEntries(
  FOLDERS.filter((folder) => existsSync(join(SHARDS, folder))).map((folder) => {
    const found = Object.fromEntries(files(/./, join(SHARDS, folder)).map(({ name, bytes }) => [name, bytes]));
    const manifest = Buffer.from(JSON.stringify({ ...jsonOf(found['manifest.json']), vqkit: packageVersion() }));
    return [folder, sealedAgain({ ...found, 'manifest.json': manifest }, 'manifest.json')];
  }),
);

/** Files of whole folders, called `folder/file`. @param {RegExp} names @param {string[]} folders */
function corpus(names, folders = FOLDERS) {
  return folders.flatMap((folder) => {
    const found = Object.entries(WHOLE[folder] ?? {}).filter(([name]) => names.test(name));
    return found.map(([name, bytes]) => ({ name: `${folder}/${name}`, bytes }));
  });
}

/** What a folder's file is, by what it begins with. @type {import('./mutate.mjs').Mutator} */
function mutateWithin(rng, bytes, other) {
  if (bytes[0] === 0x7b) return mutateJsonFile(rng, bytes, other);
  if (bytes[8] === 0x7b) return (rng.integer(2) === 0 ? mutateHeader : mutateContent)(rng, bytes, other);
  return mutateBytes(rng, bytes, other);
}

/** @param {string} path @param {Uint8Array} bytes */
function withDamage(path, bytes) {
  const [folder = '', file = ''] = path.split('/');
  return { file, whole: /** @type {Folder} */ (WHOLE[folder]), damaged: { ...WHOLE[folder], [file]: bytes } };
}

/** @param {Folder} folder */
const storeOf = (folder) => ({
  name: 'shards',
  read: async (/** @type {string} */ file) => folder[file],
});

/** @param {Folder} folder */
async function blocksOf(folder) {
  /** @type {ShardBlock[]} */
  const blocks = [];
  for await (const block of (await openShards(storeOf(folder))).blocks()) blocks.push(block);
  return blocks;
}

/** The JSON of a file, if it is any, as something to change. @param {Uint8Array | undefined} bytes */
function jsonOf(bytes) {
  try {
    return JSON.parse(Buffer.from(bytes ?? []).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** @param {{ sha256?: string }} value */
function sealedBytes({ sha256: _, ...value }) {
  return Buffer.from(seal(value).text);
}

/**
 * The folder with every checksum put right, so that only the rules of what is in the files are left to refuse it.
 * @param {Folder} folder
 * @param {string} file that is damaged
 */
function sealedAgain(folder, file) {
  const sealed = { ...folder };
  const isRecord = /^ids.*json$/.test(file);
  if (isRecord || file === 'manifest.json') {
    const value = jsonOf(folder[file]);
    try {
      sealed[file] = sealedBytes(value);
      if (isRecord) return sealed;
      const own = { manifest: planId(value), tokenizer: value.tokenizer.sha256, source: value.source.sha256 };
      for (const name of Object.keys(folder).filter((name) => /^ids.*json$/.test(name))) {
        sealed[name] = sealedBytes({ ...jsonOf(folder[name]), ...own });
      }
    } catch {
      // What no object or no plan can be made of has no checksum that is right.
    }
    return sealed;
  }
  const bytes = /** @type {Uint8Array} */ (folder[file]);
  const name = file.replace(/^train/, 'ids').replace(/\w+$/, 'json');
  sealed[name] = sealedBytes({
    ...jsonOf(folder[name]),
    file: { name: file, bytes: bytes.length, sha256: digestOf(bytes) },
  });
  return sealed;
}

/** Throws unless what was read of a folder obeys the rules of its manifest. @param {Folder} folder */
async function requireRules(folder) {
  const store = storeOf(folder);
  const survey = await surveyShards(store);
  requireComplete('fuzz', store, survey);
  const { manifest, statistics, examples, skipped } = survey;
  const perExample = manifest.tokenShape.reduce((product, length) => product * length, 1);
  assert.equal(examples + skipped.length, manifest.examples);
  const positions = new Set(skipped.map(({ position }) => position));
  /** @type {import('../../packages/tokens/dist/index.js').TokenStatistics[]} */
  const counted = [];
  for (const { ids, shape, keys, positions: own, offsets, samples } of await blocksOf(folder)) {
    const rows = manifest.sound === undefined ? keys.length : (offsets?.at(-1) ?? 0);
    assert.deepEqual(shape, [rows, ...manifest.tokenShape]);
    assert.equal(ids.length, rows * perExample);
    assert.equal(offsets?.length, manifest.sound && keys.length + 1);
    assert.equal(samples?.length, manifest.sound && keys.length);
    for (const [n, count] of (samples ?? []).entries()) {
      const frames = Number(offsets?.[n + 1]) - Number(offsets?.[n]);
      assert.equal(frames, Math.ceil(count / Number(manifest.sound?.hop)));
    }
    assert.equal(own.length, keys.length);
    assert(ids.every((id) => id >= -1 && id < manifest.codebookSize));
    assert.equal(keys instanceof BigInt64Array, manifest.keys !== 'texts');
    assert([...keys].every((key) => typeof key === (manifest.keys === 'texts' ? 'string' : 'bigint')));
    for (const position of own) positions.add(position);
    counted.push(countTokens(ids, { examples: keys.length, numCodebooks: manifest.numCodebooks }));
  }
  assert.equal(positions.size, manifest.examples);
  assert([...positions].every((position) => position >= 0 && position < manifest.examples));
  for (const [book, { codes, counts }] of statistics.codebooks.entries()) {
    const tokens = mergeStatistics(counted).codebooks[book];
    assert.equal(codes.length, counts.length);
    assert(codes.every((code, i) => code < manifest.codebookSize && code > (codes[i - 1] ?? -1)));
    const sum = counts.reduce((all, count) => all + count, 0);
    assert.equal(
      sum,
      tokens?.counts.reduce((all, count) => all + count, 0),
    );
  }
}

/** What the folders `npy` and `tar` are of: pictures, and one that is cut. @returns {Folder} */
export function picturesOf() {
  const found = Object.fromEntries(files(/(png|jpg)$/).map(({ name, bytes }) => [name, bytes]));
  return { ...found, 'broken.png': /** @type {Uint8Array} */ (found['rgb.png']).subarray(0, 60) };
}

/** @param {Folder} folder @param {string} path */
async function write(folder, path) {
  await mkdir(path, { recursive: true });
  for (const [name, bytes] of Object.entries(folder)) await writeFile(join(path, name), bytes);
}

/** @type {import('./readers.mjs').Reader[]} */
export const SHARD_READERS = [
  {
    name: 'shards',
    weight: 45,
    corpus: corpus(/^(manifest|ids|train)/),
    mutators: [mutateBytes, mutateBytes, mutateWithin],
    async read(bytes, { name }) {
      const { damaged, whole } = withDamage(name, bytes);
      // All of it stands under checksums: what is taken is what was written.
      assert.deepEqual(await blocksOf(damaged), await blocksOf(whole));
      requireComplete('fuzz', storeOf(damaged), await surveyShards(storeOf(damaged)));
    },
  },
  {
    name: 'sealed shards',
    weight: 60,
    corpus: corpus(/^(manifest|ids|train)/),
    mutators: [mutateBytes, mutateWithin, mutateWithin],
    async read(bytes, { name }) {
      const { damaged, file } = withDamage(name, bytes);
      await requireRules(sealedAgain(damaged, file));
    },
  },
  {
    name: 'shards, encoded again',
    weight: 1,
    corpus: corpus(/./, ['safetensors', 'tar']),
    mutators: [mutateBytes, mutateWithin],
    async read(bytes, { name }, folder) {
      const { damaged, whole } = withDamage(name, bytes);
      const [path, pictures] = [join(folder, 'ids'), join(folder, 'pictures')];
      await write(damaged, path);
      await write(picturesOf(), pictures);
      const data = name.startsWith('tar')
        ? { paths: [pictures] }
        : { data: 'idx', paths: [join(FIXTURES, 'images.idx')] };
      const options = /** @type {import('../../apps/train/dist/index.js').ShardOptions} */ (data);
      const tokenizer = join(FIXTURES, 'fsq.tokenizer.safetensors');
      await encodeShards(tokenizer, { ...options, out: path, engine: 'cpu' }, {}, {});
      for (const file of await readdir(path)) {
        // Its checksum is that of the value, whatever spaces lie between.
        if (file === 'manifest.json') assert.deepEqual(jsonOf(await readFile(join(path, file))), jsonOf(whole[file]));
        else assert(Buffer.from(whole[file] ?? []).equals(await readFile(join(path, file))), file);
      }
    },
  },
  {
    name: 'shards, by command line',
    weight: 1,
    corpus: corpus(/^(manifest|ids|train)/, ['safetensors', 'npy', 'tar']),
    mutators: [mutateBytes, mutateWithin],
    async read(bytes, { name }, folder) {
      const { damaged, file } = withDamage(name, bytes);
      const path = join(folder, 'ids');
      await write(damaged, path);
      const tokenizer = join(FIXTURES, 'fsq.tokenizer.safetensors');
      await cli(['tokens', path]);
      if (!file.endsWith('json')) await cli(['tokens', join(path, file)]);
      const range = ['--from', '1', '--limit', '3'];
      await cli(['decode', tokenizer, path, '--engine', 'cpu', '--out', join(folder, 'out'), ...range]);
      for (const ending of ['safetensors', 'npy', 'parquet', 'tar']) {
        await cli(['merge', path, '--out', join(folder, `all.${ending}`)]);
      }
    },
  },
];
