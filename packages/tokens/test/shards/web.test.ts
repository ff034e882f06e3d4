import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShards, urlReader } from '../../src/reader.ts';
import { encodeShard } from '../../src/shards/encode-shard.ts';
import { folderStore } from '../../src/shards/folder-store.ts';
import { SHARD_FORMATS } from '../../src/shards/manifest.ts';
import { writeManifest } from '../../src/shards/merge.ts';
import { blocksOf, tinyManifest } from './plan.ts';

const folder = await temporaryFolder();
let server: Server;
let address = '';

beforeAll(async () => {
  for (const format of SHARD_FORMATS) {
    const manifest = tinyManifest({ format, packed: format === 'npy' });
    const store = folderStore(join(folder, format));
    await writeManifest(store, manifest);
    for (const [shard, { from, to }] of manifest.shards.entries()) {
      await encodeShard(store, manifest, shard, blocksOf(manifest, from, to), { engine: 'test' });
    }
  }
  server = createServer((request, response) => {
    if (request.url?.startsWith('/locked/') === true) return response.writeHead(403).end();
    return readFile(join(folder, decodeURI(request.url ?? ''))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

describe('urlReader', () => {
  it.each(SHARD_FORMATS)('streams shards of .%s by fetch as from the disk', async (format) => {
    const [near, far] = [folderStore(join(folder, format)), urlReader(`${address}/${format}`)];
    const blocks = [];
    for await (const block of (await openShards(far)).blocks({ from: 3 })) blocks.push(block);
    const own = [];
    for await (const block of (await openShards(near)).blocks({ from: 3 })) own.push(block);
    expect(blocks).toEqual(own);
    expect(blocks.length).toBe(4);
  });

  it('says what a server answers', async () => {
    await expect(openShards(urlReader(`${address}/nothing`))).rejects.toThrow(
      /nothing must hold manifest\.json, got none/,
    );
    await expect(openShards(urlReader(`${address}/locked/`))).rejects.toThrow(
      /urlReader: .*\/locked\/manifest\.json must be readable, got status 403/,
    );
  });
});

describe('@vqkit/tokens/reader', () => {
  it('is bundled for a page without anything of Node', async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [join(import.meta.dirname, '../../dist/reader.js')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      outdir: 'out',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    expect(outputFiles.length).toBeGreaterThan(0);
    expect(Object.keys(metafile.inputs).filter((name) => /sharp|checkpoint\/dist\/node/.test(name))).toEqual([]);
  });
});
