import type { RowKeys } from '@vqkit/rows';
import { encodeShard } from '../../src/shards/encode-shard.ts';
import { folderStore } from '../../src/shards/folder-store.ts';
import { planShards, type ShardManifest, type ShardPlan } from '../../src/shards/manifest.ts';
import { writeManifest } from '../../src/shards/merge.ts';
import type { ShardStore } from '../../src/shards/store.ts';
import type { IdBlock } from '../../src/shards/values.ts';

/** A plan of made-up examples. */
export function tinyPlan(given: Partial<ShardPlan> = {}): ShardPlan {
  return {
    vqkit: '1.2.3',
    tokenizer: { sha256: 'ab'.repeat(32), config: { quantizer: 'fsq' } },
    codebookSize: 1000,
    numCodebooks: 1,
    tokenShape: [3, 5],
    exampleShape: [12, 20, 3],
    source: { options: { data: 'folder' }, order: 'paths', sha256: 'cd'.repeat(32), paths: ['pictures'] },
    keys: 'texts',
    examples: 23,
    batchSize: 4,
    format: 'safetensors',
    packed: false,
    ...given,
  };
}

export function tinyManifest(given: Partial<ShardPlan> = {}, shards = 4): ShardManifest {
  return planShards(tinyPlan(given), shards);
}

/** The id at a place, whoever asks. */
export function idAt(position: number, place: number, codebookSize: number): number {
  return (position * 7919 + place * place * 104729 + ((position * place) % 13) * 31) % codebookSize;
}

/** Examples from `from` up to `to` in batches, every seventh of them skipped. */
export function* blocksOf(
  manifest: ShardPlan,
  from: number,
  to: number,
  { skips = true, batch = manifest.batchSize }: { skips?: boolean; batch?: number } = {},
): Generator<IdBlock> {
  const count = manifest.tokenShape.reduce((product, length) => product * length, 1);
  for (let start = from; start < to; start += batch) {
    const all = Array.from({ length: Math.min(batch, to - start) }, (_, i) => start + i);
    const left = all.filter((position) => skips && position % 7 === 6);
    const there = all.filter((position) => !left.includes(position));
    const keys: RowKeys =
      manifest.keys === 'texts'
        ? there.map((position) => `folder/picture ${position}.v2.png`)
        : BigInt64Array.from(there, (n) => (manifest.keys === 'integers' ? 2n ** 60n + BigInt(n) : BigInt(n)));
    yield {
      ids: Int32Array.from(
        there.flatMap((n) => Array.from({ length: count }, (_, i) => idAt(n, i, manifest.codebookSize))),
      ),
      keys,
      skipped: left.map((position) => ({ position, name: `folder/picture ${position}.v2.png`, reason: 'no picture' })),
    };
  }
}

/** Writes a whole folder of made-up examples. */
export async function writeShards(
  path: string,
  manifest: ShardManifest,
  skips = true,
): Promise<{ store: ShardStore; path: string }> {
  const store = folderStore(path);
  await writeManifest(store, manifest);
  for (const [shard, { from, to }] of manifest.shards.entries()) {
    await encodeShard(store, manifest, shard, blocksOf(manifest, from, to, { skips }), { engine: 'test' });
  }
  return { store, path };
}
