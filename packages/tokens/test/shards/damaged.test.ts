import { join } from 'node:path';
import { encodeNpy } from '@vqkit/checkpoint';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { describe, expect, it } from 'vitest';
import { parseManifest, recordFile, type ShardManifest, shardFile } from '../../src/shards/manifest.ts';
import { openShards } from '../../src/shards/read-shards.ts';
import { shardState } from '../../src/shards/record.ts';
import { digestOf, seal } from '../../src/shards/sealed.ts';
import { tinyManifest, writeShards } from './plan.ts';

const folder = await temporaryFolder();
let made = 0;
const written = (manifest: ShardManifest): ReturnType<typeof writeShards> =>
  writeShards(join(folder, `shards-${made++}`), manifest, false);

describe('a folder whose checksums were put right after an edit', () => {
  const whole = tinyManifest({ format: 'npy', keys: 'row numbers', examples: 4 }, 2);
  const [first, second] = whole.shards;
  it.each([
    [{ examples: 9 }, /shards\[0\] must be examples 0 to 4 of 9/],
    [{ examples: 2 ** 50 }, /shards\[0\] must be examples 0 to /],
    [{ shards: [second, first] }, /shards\[0\] must be examples 0 to 2 of 4/],
    [{ shards: [first, first, second] }, /shards\[0\] must be examples 0 to 1 of 4/],
    [{ shards: Array.from({ length: 5 }, () => first) }, /shards must be at most one per example \(4\), got 5/],
    [
      { shards: [first, { ...second, names: { begin: 3, end: 9, sha256: 'ab'.repeat(32) } }] },
      /shards\[1\]\.names must begin where those before end/,
    ],
    [{ numCodebooks: 2 }, /tokenShape must end with the 2 codebooks, got \[3,5\]/],
    [{ tokenShape: [2 ** 20, 2 ** 20] }, /tokenShape must have at most 1073741824 ids/],
    [{ packed: true, format: 'tar' }, /format must be npy or safetensors for packed ids, got "tar"/],
  ])('has a manifest that is refused by name (%#)', (edited, message) => {
    const { sha256: _, ...value } = { type: 'vqkit-shards-1', ...whole, ...edited };
    expect(() => parseManifest('decode: ids', Buffer.from(seal(value).text))).toThrow(message);
  });

  it.each([
    [{ examples: 3 }, /examples must be the 2 that were not skipped, got 3/],
    [
      { examples: 1, skipped: [{ position: 7, name: 'a', reason: 'b' }] },
      /skipped\[0\] must be in order, from 0 to 2, got 7/,
    ],
    [{ keys: ['a'] }, /keys must be 2, got 1/],
    [{ statistics: { examples: 3, codebooks: [] } }, /statistics must be of 2 examples, got 3/],
    [{ statistics: { examples: 2, codebooks: [] } }, /statistics must be of 1 codebook, got 0/],
    [
      { statistics: { examples: 2, codebooks: [{ codes: [1, 2], counts: [1] }] } },
      /codebook 0 must have 2 counts, got 1/,
    ],
    [
      { statistics: { examples: 2, codebooks: [{ codes: [2, 1], counts: [1, 1] }] } },
      /codes in order, below 1000, got 1/,
    ],
    [
      { statistics: { examples: 2, codebooks: [{ codes: [1000], counts: [1] }] } },
      /codes in order, below 1000, got 1000/,
    ],
    [{ statistics: { examples: 2, codebooks: [{ codes: [1], counts: [31] }] } }, /count at most the 30 tokens, got 31/],
  ])('has a record that is damaged, and is encoded again (%#)', async (edited, message) => {
    const { store } = await written(whole);
    const name = recordFile(whole, 0);
    const { sha256: _, ...record } = JSON.parse(String(await store.read(name))) as { sha256: string };
    await store.write(name, seal({ ...record, ...edited }).text);
    expect(await shardState('merge', store, whole, 0)).toMatchObject({
      status: 'damaged',
      reason: expect.stringMatching(message) as string,
    });
  });

  it.each([
    [encodeNpy(new Int32Array(30).fill(1000), [2, 3, 5]), /have ids in \[0, 1000\) or -1, got 1000/],
    [encodeNpy(new Int32Array(30).fill(-1), [2, 3, 5]), /have the 30 ids of its statistics, got 0/],
    [encodeNpy(new Int32Array(15), [1, 3, 5]), /hold 30 values, got 15/],
  ])('has a shard that is refused by name (%#)', async (bytes, message) => {
    const { store } = await written(whole);
    const { sha256: _, ...record } = JSON.parse(String(await store.read(recordFile(whole, 0)))) as { sha256: string };
    const file = { name: shardFile(whole, 0), bytes: bytes.length, sha256: digestOf(bytes) };
    await store.write(file.name, [bytes]);
    await store.write(recordFile(whole, 0), seal({ ...record, file }).text);
    await expect((await openShards(store)).read(0)).rejects.toThrow(message);
  });

  it('has a tar whose members are no examples', async () => {
    const plan = tinyManifest({ format: 'tar', keys: 'row numbers', examples: 4 }, 2);
    for (const [from, to, message] of [
      ['00000-000000000.json', '00000-000000009.json', /next member must be the file 00000-000000000\.json/],
      ['00000-000000000.npy', '../../passwd', /next member must be the file ….npy of an example/],
    ] as const) {
      const { store } = await written(plan);
      const name = shardFile(plan, 0);
      const bytes = Buffer.from((await store.read(name)) ?? []);
      bytes.write(to.padEnd(from.length, '\0'), bytes.indexOf(from));
      const { sha256: _, ...record } = JSON.parse(String(await store.read(recordFile(plan, 0)))) as { sha256: string };
      await store.write(name, [bytes]);
      const file = { name, bytes: bytes.length, sha256: digestOf(bytes) };
      await store.write(recordFile(plan, 0), seal({ ...record, file }).text);
      await expect((await openShards(store)).read(0)).rejects.toThrow(message);
    }
  });
});
