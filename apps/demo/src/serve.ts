import { readFile } from 'node:fs/promises';
import { createServer, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTokenizer } from '@vqkit/train';
import { build } from 'esbuild';

export interface DemoOptions {
  /** A run folder, one of its checkpoints, or a file of `vqkit export`. */
  readonly tokenizer: string;
  /** Default 8080; 0 for any that is free. */
  readonly port?: number;
}

/** A page that is being served. */
export interface Demo {
  readonly address: string;
  close(): void;
}

/** What every answer says. */
const HEADERS = {
  // With these two a page is cross-origin isolated, and only then may the wasm engine use several threads.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': [
    "default-src 'none'",
    // WebAssembly is compiled in the page; the wasm engine's threads are made from text.
    "script-src 'self' 'wasm-unsafe-eval'",
    'worker-src blob:',
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

/** The sources of the page, which are bundled as they are. */
const page = fileURLToPath(new URL('../src/page/', import.meta.url));

/**
 * Bundles the page and serves it on this machine, with the tokenizer.
 *
 * All that is served is held in memory by its exact address, so that no request reaches the file system. A request for another name of
 * this machine than `localhost` is refused: a page elsewhere whose name was made to lead here could read the tokenizer.
 *
 * @throws OptionError or CheckpointError when there is no such tokenizer; Error when the port is taken.
 */
export async function serveDemo({ tokenizer, port = 8080 }: DemoOptions): Promise<Demo> {
  const html = ['text/html; charset=utf-8', await readFile(join(page, 'index.html'))] as const;
  const contents = new Map<string, readonly [type: string, content: Uint8Array]>([
    ['/', html],
    ['/index.html', html],
    ['/style.css', ['text/css; charset=utf-8', await readFile(join(page, 'style.css'))]],
    ['/icon.svg', ['image/svg+xml', await readFile(join(page, 'icon.svg'))]],
    ['/page.js', ['text/javascript; charset=utf-8', await bundlePage()]],
    ['/tokenizer.safetensors', ['application/octet-stream', await readTokenizer(tokenizer)]],
  ]);
  const server = createServer(({ method = '', url = '', headers: { host = '' } }, response) => {
    const found = contents.get(url.split('?', 1)[0] ?? '');
    if (!names.includes(host)) answer(response, 421);
    else if (method !== 'GET' && method !== 'HEAD') answer(response, 405, { Allow: 'GET, HEAD' });
    else if (found === undefined) answer(response, 404);
    else answer(response, 200, { 'Content-Type': found[0] }, found[1]);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', resolve);
  });
  const authority = (name: string): string => new URL(`http://${name}:${(server.address() as AddressInfo).port}`).host;
  const names = ['localhost', '127.0.0.1', '[::1]'].map(authority);
  return { address: `http://${names[0]}`, close: () => server.close() };
}

/** Answers with a content, or with nothing but a status. A HEAD gets the same without the content, which Node leaves out. */
function answer(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders = {},
  content: Uint8Array = new Uint8Array(0),
): void {
  response.writeHead(status, { ...HEADERS, ...headers, 'Content-Length': content.length }).end(content);
}

async function bundlePage(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(page, 'page.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    logLevel: 'error',
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}
