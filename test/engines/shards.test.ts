import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@vqkit/testing/pictures';
import {
  encodeShard,
  folderStore,
  openShards,
  planShards,
  SHARD_FORMATS,
  type ShardFormat,
  type ShardPlan,
  writeManifest,
} from '@vqkit/tokens';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, executablePath, launch, required, type Site, serve } from './chromium.ts';
import type { Read, ShardsPage } from './shards-page.ts';

const missing = executablePath === undefined;

/** How a server of files may answer. */
const SERVERS = ['plain', 'ranges', 'chunks', 'closed'] as const;
type Answers = (typeof SERVERS)[number];

function answer(how: Answers, bytes: Buffer, range: string | undefined, response: ServerResponse): void {
  // The page is on another port: a server that does not say so lets no page read.
  if (how !== 'closed') response.setHeader('Access-Control-Allow-Origin', '*');
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (how === 'ranges') response.setHeader('Accept-Ranges', 'bytes');
  if (how === 'ranges' && from !== undefined) {
    const end = to === '' ? bytes.length - 1 : Number(to);
    response.setHeader('Content-Range', `bytes ${from}-${end}/${bytes.length}`);
    response.writeHead(206).end(bytes.subarray(Number(from), end + 1));
    return;
  }
  if (how !== 'chunks') response.setHeader('Content-Length', bytes.length);
  for (let at = 0; how === 'chunks' && at < bytes.length; at += 100) response.write(bytes.subarray(at, at + 100));
  response.end(how === 'chunks' ? undefined : bytes);
}

const KINDS = {
  texts: { keys: 'texts', tokenShape: [3, 5], exampleShape: [12, 20, 3], numCodebooks: 1 },
  'row numbers': { keys: 'row numbers', tokenShape: [2, 2, 2], exampleShape: [8, 8, 1], numCodebooks: 2 },
  integers: { keys: 'integers', tokenShape: [2], exampleShape: [8], numCodebooks: 2 },
} as const;

/** Every format, with each kind of keys, and packed where it may be. */
const FOLDERS = SHARD_FORMATS.flatMap((format) =>
  Object.values(KINDS).flatMap((kind) =>
    (format === 'npy' || format === 'safetensors' ? [false, true] : [false]).map((packed) => ({
      ...kind,
      format,
      packed,
      name: `${format}-${kind.keys.replace(' ', '-')}${packed ? '-packed' : ''}`,
    })),
  ),
);

async function writeFolder(
  path: string,
  {
    format,
    packed,
    keys,
    ...kind
  }: Pick<ShardPlan, 'keys' | 'tokenShape' | 'exampleShape' | 'numCodebooks' | 'packed'> & {
    readonly format: ShardFormat;
  },
): Promise<void> {
  const { tokenShape, exampleShape, numCodebooks } = kind;
  const plan = planShards(
    {
      vqkit: '1.0.0',
      tokenizer: { sha256: 'ab'.repeat(32), config: {} },
      codebookSize: 1000,
      ...{ numCodebooks, tokenShape, exampleShape, keys, format, packed, examples: 23, batchSize: 4 },
      source: { options: {}, order: 'made up', sha256: 'cd'.repeat(32), paths: [] },
    },
    3,
  );
  const store = folderStore(path);
  await writeManifest(store, plan);
  const width = tokenShape.reduce((product, length) => product * length, 1);
  for (const [shard, { from, to }] of plan.shards.entries()) {
    const all = Array.from({ length: to - from }, (_, i) => from + i);
    const own = all.filter((position) => position % 7 !== 6);
    const ids = Int32Array.from({ length: own.length * width }, (_, i) => (from * 7919 + i * i * 104729) % 1000);
    const named = own.map((n) => `folder/picture ${n}.png`);
    const numbers = BigInt64Array.from(own, (n) => BigInt(n) + (keys === 'integers' ? 2n ** 60n : 0n));
    const skipped = all
      .filter((n) => !own.includes(n))
      .map((position) => ({ position, name: 'x', reason: 'no picture' }));
    await encodeShard(store, plan, shard, [{ ids, keys: keys === 'texts' ? named : numbers, skipped }], {
      engine: 'none',
    });
  }
}

describe.skipIf(missing && !required)(
  missing ? 'shards in Chromium: skipped, none is installed' : 'shards in Chromium',
  () => {
    let browser: Browser;
    let site: Site;
    let tab: Tab;
    let server: Server;
    let files = '';
    let folder = '';

    beforeAll(async () => {
      folder = await temporaryFolder();
      for (const each of FOLDERS) await writeFolder(join(folder, each.name), each);
      server = createServer(({ url = '/', headers }, response) => {
        const [, how = '', ...path] = decodeURI(url).split('/');
        readFile(join(folder, ...path)).then(
          (bytes) => answer(how as Answers, bytes, headers.range, response),
          () => response.setHeader('Access-Control-Allow-Origin', '*').writeHead(404).end(),
        );
      });
      await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
      files = `http://localhost:${(server.address() as AddressInfo).port}`;
      browser = await launch();
      site = await serve(await bundle(true, new URL('./shards-page.ts', import.meta.url)));
      tab = await browser.newPage();
      await tab.goto(`${site.address}/plain`);
    });

    afterAll(async () => {
      await browser?.close();
      site?.close();
      server?.close();
    });

    const inPage = (url: string, range: { from?: number; to?: number } = {}): Promise<Read> =>
      tab.evaluate(
        ([address, given]) => (globalThis as unknown as { shards: ShardsPage }).shards.read(address, given),
        [url, range] as const,
      );

    async function onDisk(name: string, range: { from?: number; to?: number } = {}): Promise<Omit<Read, 'perplexity'>> {
      const all: { ids: number[]; keys: string[]; positions: number[] } = { ids: [], keys: [], positions: [] };
      for await (const { ids, keys, positions } of (await openShards(folderStore(join(folder, name)))).blocks(range)) {
        all.ids.push(...ids);
        all.keys.push(...Array.from(keys, String));
        all.positions.push(...positions);
      }
      return all;
    }

    it.each(FOLDERS)('$name: the ids, keys and positions of the disk, from whatever server', async ({ name }) => {
      for (const how of ['plain', 'ranges', 'chunks'] satisfies Answers[]) {
        for (const range of [{}, { from: 5, to: 18 }]) {
          const expected = await onDisk(name, range);
          expect(expected.ids.length).toBeGreaterThan(0);
          expect(await inPage(`${files}/${how}/${name}`, range)).toMatchObject(expected);
        }
      }
    });

    it('names what is wrong: no folder, a server that lets no page read, a damaged shard', async () => {
      await expect(inPage(`${files}/plain/nothing`)).rejects.toThrow(
        /plain\/nothing must hold manifest\.json, got none/,
      );
      await expect(inPage(`${files}/closed/${FOLDERS[0]?.name}`)).rejects.toThrow(
        /urlReader: .*manifest\.json must be reachable, got no answer .*Access-Control-Allow-Origin/,
      );
      const store = folderStore(join(folder, 'damaged'));
      await writeFolder(store.name, { ...KINDS.integers, format: 'npy', packed: false });
      const file = 'ids-00001-of-00003.npy';
      const bytes = Buffer.from((await store.read(file)) ?? []);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await store.write(file, [bytes]);
      await expect(inPage(`${files}/plain/damaged`)).rejects.toThrow(/the shard must have the SHA-256 .*, got another/);
    });
  },
);
