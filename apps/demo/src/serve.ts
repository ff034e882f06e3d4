import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';
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

/** With these a page is cross-origin isolated, and only then may the wasm engine use several threads. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  wasm: 'application/wasm',
  safetensors: 'application/octet-stream',
};

/** The sources of the page, which are bundled as they are. */
const page = fileURLToPath(new URL('../src/page/', import.meta.url));
const wasm = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));

/**
 * Bundles the page and serves it on this machine, with the tokenizer and tfjs's .wasm files.
 *
 * @throws OptionError or CheckpointError when there is no such tokenizer; Error when the port is taken.
 */
export async function serveDemo({ tokenizer, port = 8080 }: DemoOptions): Promise<Demo> {
  const made: Readonly<Record<string, Uint8Array>> = {
    '/tokenizer.safetensors': await readTokenizer(tokenizer),
    '/page.js': await bundlePage(),
  };
  const server = createServer(async ({ url = '/' }, response) => {
    const path = url === '/' ? '/index.html' : new URL(url, 'http://localhost').pathname;
    const content = made[path] ?? (await readFile(fileOf(path)).catch(() => undefined));
    const type = TYPES[path.split('.').at(-1) ?? ''];
    if (content === undefined || type === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...ISOLATION, 'Content-Type': type, 'Cache-Control': 'no-store' }).end(content);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', resolve);
  });
  const address = `http://localhost:${(server.address() as AddressInfo).port}`;
  return { address, close: () => server.close() };
}

/** A file of the page, or one of tfjs's. Only its name counts, so that no address leads elsewhere. */
function fileOf(path: string): string {
  return path.startsWith('/wasm/') ? join(wasm, basename(path)) : join(page, basename(path));
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
