#!/usr/bin/env node
// Writes small folders of shards of every format and kind of keys, and what they hold, for read.py: `node write.mjs FOLDER`, on the built package.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeShard, folderStore, planShards, writeManifest, writeMerged } from '../../dist/index.js';

const out = process.argv[2] ?? 'shards';
const EXAMPLES = 23;
/** @type {import('../../dist/index.js').ShardFormat[]} */
const formats = ['safetensors', 'npy', 'parquet', 'tar'];
/** @type {{ keys: 'row numbers' | 'integers' | 'texts', tokenShape: number[], exampleShape: number[] }[]} */
const kinds = [
  { keys: 'texts', tokenShape: [3, 5], exampleShape: [12, 20, 3] },
  { keys: 'row numbers', tokenShape: [3, 5, 2], exampleShape: [12, 20, 3] },
  { keys: 'integers', tokenShape: [2], exampleShape: [8] },
];
/** @param {'row numbers' | 'integers' | 'texts'} kind @param {number} n */
const keyOf = (kind, n) =>
  kind === 'texts' ? `ordner/bild ${n}.v2 "ü".png` : kind === 'integers' ? 2n ** 60n + BigInt(n) : BigInt(n);

for (const format of formats) {
  for (const { keys, tokenShape, exampleShape } of kinds) {
    const numCodebooks = keys === 'texts' ? 1 : 2;
    const plan = planShards(
      {
        vqkit: '1.0.0',
        tokenizer: { sha256: 'ab'.repeat(32), config: {} },
        codebookSize: 1000,
        numCodebooks,
        tokenShape,
        exampleShape,
        source: { options: {}, order: 'made up', sha256: 'cd'.repeat(32), paths: [] },
        keys,
        examples: EXAMPLES,
        batchSize: 4,
        format,
        packed: false,
      },
      3,
    );
    const path = join(out, `${format}-${keys.replace(' ', '-')}`);
    const store = folderStore(path);
    await writeManifest(store, plan);
    const width = tokenShape.reduce((product, length) => product * length, 1);
    /** @type {{ key: string, ids: number[] }[]} */
    const all = [];
    for (const [shard, { from, to }] of plan.shards.entries()) {
      const positions = Array.from({ length: to - from }, (_, i) => from + i);
      const rows = positions.map((n) => Array.from({ length: width }, (_, i) => (n * 7919 + i * i * 104729) % 1000));
      for (const [i, ids] of rows.entries()) all.push({ key: String(keyOf(keys, from + i)), ids });
      const own = positions.map((n) => keyOf(keys, n));
      const block = {
        ids: Int32Array.from(rows.flat()),
        keys: keys === 'texts' ? own.map(String) : BigInt64Array.from(own.map(BigInt)),
      };
      await encodeShard(store, plan, shard, [block], { engine: 'none' });
    }
    writeFileSync(join(path, 'expected.json'), JSON.stringify({ shape: tokenShape, keys, all }));
    if (keys !== 'texts' || format === 'tar' || format === 'parquet') {
      await writeMerged(join(path, `all.${format}`), store);
    }
  }
}
