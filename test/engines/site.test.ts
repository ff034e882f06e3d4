import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fullRun, titleIf } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, launch, required } from './chromium.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dist = join(root, 'docs/site/dist');
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** The pages of the built site by their addresses, `guides/choose.html`. */
function readPages(): Map<string, string> {
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
  return new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(dist, name), 'utf8')]));
}

describe.skipIf(!fullRun)(titleIf(fullRun, 'the site, built by npm run site'), () => {
  let pages = new Map<string, string>();
  let server: Server;
  let address = '';

  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/site.mjs'], { cwd: root, stdio: 'pipe' });
    pages = readPages();
    server = createServer(({ url = '/' }, response) => {
      const { pathname } = new URL(url, 'http://localhost');
      const file = join(dist, decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname));
      if (!existsSync(file)) response.writeHead(404).end();
      else
        response
          .writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' })
          .end(readFileSync(file));
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    address = `http://localhost:${(server.address() as AddressInfo).port}`;
  }, 900_000);

  afterAll(() => server?.close());

  it('has a page for every package and every entry of its API', () => {
    for (const name of ['fsq', 'lfq', 'simvq', 'vq', 'residual', 'codecs', 'onnx', 'train', 'vqkit']) {
      expect(pages.has(`packages/${name}.html`)).toBe(true);
    }
    expect(pages.get('api/@vqkit/fsq.html')).toContain('id="createfsq"');
    expect(pages.get('api/@vqkit/fsq/codec.html')).toContain('id="createfsqcodec"');
  });

  it('has no link to a page or an anchor that is not there', () => {
    const broken: string[] = [];
    for (const [page, html] of pages) {
      for (const [, target = ''] of html.matchAll(/<a [^>]*href="([^"]*)"/g)) {
        if (/^\w+:/.test(target)) continue;
        const { pathname, hash } = new URL(target, `http://site/${page}`);
        const path = decodeURIComponent(pathname.slice(1));
        const wanted = path === '' || path.endsWith('/') ? posix.join(path, 'index.html') : path;
        const found = pages.get(wanted);
        const id = decodeURIComponent(hash.slice(1));
        if (found === undefined || (id !== '' && !found.includes(`id="${id}"`))) broken.push(`${page}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  const missing = executablePath === undefined;
  it.skipIf(missing && !required)(
    `is searched without another host${missing ? ': skipped, no Chromium is installed' : ''}`,
    async () => {
      const browser = await launch();
      try {
        const tab = await browser.newPage();
        const asked: string[] = [];
        tab.on('request', (request) => asked.push(request.url()));
        await tab.goto(`${address}/`);
        await tab.keyboard.press('Control+k');
        await tab.locator('.VPLocalSearchBox input').fill('createResidualVq');
        const first = tab.locator('.VPLocalSearchBox .result').first();
        await first.waitFor();
        await first.click();
        await tab.waitForURL(/createresidualvq|residual/i);
        expect(asked.filter((url) => !url.startsWith(address) && !url.startsWith('data:'))).toEqual([]);
      } finally {
        await browser.close();
      }
    },
  );
});
