#!/usr/bin/env node
// Makes scripts/fuzz/fixtures/shards/: whole folders of shards, of what lies in fixtures/; each format, and every kind of keys. After
// `npm run build`; usage: node scripts/fuzz/make-shards.mjs
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeShards } from '../../apps/train/dist/index.js';
import { packageVersion } from '../../apps/train/dist/shards/version.js';
import { createRng } from '../../packages/core-tensor/dist/index.js';
import { encodeShard, folderStore, openShards, planShards, writeManifest } from '../../packages/tokens/dist/index.js';
import { FIXTURES } from './corpus.mjs';
import { picturesOf } from './shard-readers.mjs';

const out = join(FIXTURES, 'shards');
rmSync(out, { recursive: true, force: true });
const pictures = mkdtempSync(join(tmpdir(), 'vqkit-corpus-'));
for (const [name, bytes] of Object.entries(picturesOf())) writeFileSync(join(pictures, name), bytes);

/** @type {[format: 'safetensors' | 'npy' | 'tar', options: import('../../apps/train/dist/index.js').ShardOptions][]} */
const images = [
  ['safetensors', { data: 'idx', paths: [join(FIXTURES, 'images.idx')] }],
  ['npy', { paths: [pictures], pack: true }],
  ['tar', { paths: [pictures] }],
];
for (const [format, options] of images) {
  const own = join(out, format);
  const given = { ...options, format, out: own, shards: 2, batchSize: 4, engine: /** @type {const} */ ('cpu') };
  await encodeShards(join(FIXTURES, 'fsq.tokenizer.safetensors'), given, {}, {});
  const { source, ...manifest } = (await openShards(folderStore(own))).manifest;
  // Where they lay is no part of what shards name their manifest by.
  await writeManifest(folderStore(own), { ...manifest, source: { ...source, paths: ['/data'] } });
}
rmSync(pictures, { recursive: true });

const rng = createRng(5);
/** @type {[name: string, format: 'parquet' | 'safetensors', columns: number][]} */
const vectors = [
  ['parquet', 'parquet', 3],
  ['keys', 'safetensors', 1],
];
for (const [name, format, columns] of vectors) {
  const plan = planShards(
    {
      vqkit: packageVersion(),
      tokenizer: { sha256: 'ab'.repeat(32), config: {} },
      codebookSize: 6,
      numCodebooks: columns,
      tokenShape: columns === 1 ? [] : [columns],
      exampleShape: [4],
      source: {
        options: { data: 'vectors' },
        order: 'the rows of the file',
        sha256: 'cd'.repeat(32),
        paths: ['/data'],
      },
      keys: 'integers',
      examples: 9,
      batchSize: 4,
      format,
      packed: name === 'keys',
    },
    2,
  );
  const store = folderStore(join(out, name));
  await writeManifest(store, plan);
  for (const [shard, { from, to }] of plan.shards.entries()) {
    const keys = BigInt64Array.from({ length: to - from }, (_, i) => 2n ** 60n + BigInt(from + i));
    const ids = Int32Array.from({ length: keys.length * columns }, () => rng.integer(6));
    await encodeShard(store, plan, shard, [{ ids, keys }], { engine: 'cpu' });
  }
}

/** @type {[name: string, format: 'npy' | 'parquet' | 'safetensors' | 'tar', packed: boolean][]} */
const sounds = [
  ['sounds', 'safetensors', false],
  ['sounds-packed', 'npy', true],
  ['sounds-parquet', 'parquet', false],
  ['sounds-tar', 'tar', false],
];
for (const [name, format, packed] of sounds) {
  const plan = planShards(
    {
      vqkit: packageVersion(),
      tokenizer: { sha256: 'ab'.repeat(32), config: {} },
      codebookSize: 6,
      numCodebooks: 2,
      tokenShape: [2],
      exampleShape: [1],
      sound: { sampleRate: 1000, hop: 10 },
      source: { options: { data: 'sounds' }, order: 'by path', sha256: 'cd'.repeat(32), paths: ['/data'] },
      keys: 'texts',
      examples: 7,
      batchSize: 1,
      format,
      packed,
    },
    2,
  );
  const store = folderStore(join(out, name));
  await writeManifest(store, plan);
  for (const [shard, { from, to }] of plan.shards.entries()) {
    const positions = Array.from({ length: to - from }, (_, i) => from + i).filter((position) => position !== 2);
    const samples = positions.map((position) => 1 + ((position * 13) % 45));
    const frames = samples.reduce((sum, count) => sum + Math.ceil(count / 10), 0);
    const ids = Int32Array.from({ length: 2 * frames }, () => rng.integer(6));
    const skipped = from <= 2 && 2 < to ? [{ position: 2, name: 'b.tar/2.wav', reason: 'an empty file' }] : [];
    const block = { ids, samples, keys: positions.map((position) => `b.tar/${position}.wav`), skipped };
    await encodeShard(store, plan, shard, [block], { engine: 'cpu' });
  }
}
