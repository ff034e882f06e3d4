/**
 * The files of a user's web application, by their paths: one program for a page, a worker and a server, and what each bundler needs to build it.
 * Nothing in them says where a .wasm file is.
 */
export const files: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ name: 'user', private: true, type: 'module' }),

  'run.js': `
import { tensor2d } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createFsq } from '@vqkit/fsq';
import { createFsqCodec } from '@vqkit/fsq/codec';

const levels = [8, 5, 5, 5];
const rows = Float32Array.from({ length: 64 * levels.length }, (_, i) => 2 * Math.sin(i * i));

export async function run() {
  try {
    const { threads } = await init();
    const ids = await createFsq({ levels }).encode(tensor2d(rows, [64, levels.length])).data();
    const codec = createFsqCodec({ levels }, { kernels: await loadKernels() });
    return { threads, ids: [...ids], codec: [...codec.encode(rows)] };
  } catch (error) {
    return { error: String(error) };
  }
}
`,
  'main.js': `
import { run } from './run.js';

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const inWorker = new Promise((resolve) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => resolve({ error: message });
});
Promise.all([run(), inWorker]).then((results) => {
  document.title = JSON.stringify(results);
});
`,
  'worker.js': `
import { run } from './run.js';

run().then((result) => postMessage(result));
`,
  'index.html': '<!doctype html><meta charset="utf-8"><script type="module" src="/main.js"></script>',

  /** In Node, Bun and Deno. */
  'print.js': `
import { run } from './run.js';

console.log(JSON.stringify(await run()));
process.exit(0);
`,

  'vite.mjs': `
import { build } from 'vite';

await build({ logLevel: 'error', build: { outDir: 'dist-vite' } });
`,
  'esbuild.mjs': `
import { cpSync } from 'node:fs';
import { build } from 'esbuild';

const options = { entryPoints: ['main.js', 'worker.js'], bundle: true, minify: true, format: 'esm', outdir: 'dist-esbuild' };
await build(options);
cpSync('index.html', 'dist-esbuild/index.html');
`,
  'webpack.mjs': `
import { cpSync } from 'node:fs';
import { resolve } from 'node:path';
import webpack from 'webpack';

const output = { path: resolve('dist-webpack'), filename: '[name].js' };
webpack({ mode: 'production', entry: { main: './main.js' }, output }, (error, stats) => {
  if (error || stats.hasErrors()) throw error ?? new Error(stats.toString({ all: false, errors: true }));
  cpSync('index.html', 'dist-webpack/index.html');
});
`,
  /** Serves a folder, or with Vite's development server the sources: a plain and a cross-origin isolated page. Prints both addresses. */
  'serve.mjs': `
import { createServer, preview } from 'vite';

const isolated = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const addresses = [];
for (const headers of [{}, isolated]) {
  const how = { port: 0, host: 'localhost', headers };
  const [, folder] = process.argv.slice(1);
  const server =
    folder === undefined
      ? await (await createServer({ logLevel: 'error', server: how, cacheDir: 'cache-' + addresses.length })).listen()
      : await preview({ logLevel: 'error', build: { outDir: folder }, preview: how });
  addresses.push(server.resolvedUrls.local[0]);
}
console.log(addresses.join(' '));
`,

  'next.config.js': `
const headers = [
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Embedder-Policy', value: 'require-corp' },
];
const config = { headers: async () => [{ source: '/isolated', headers }, { source: '/_next/:path*', headers }] };
export { config as default };
`,
  'app/layout.js': `
export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
`,
  'app/page.js': `
'use client';
import { useEffect } from 'react';

export default function Page() {
  useEffect(() => {
    import('../main.js');
  }, []);
  return <p>vqkit</p>;
}
`,
  'app/isolated/page.js': "'use client';\nexport { default } from '../page.js';\n",
  'app/server/route.js': `
import { run } from '../../run.js';

export const dynamic = 'force-dynamic';
export async function GET() {
  return Response.json(await run());
}
`,
};

/** What the applications are built with, at exact versions. */
export const tools: readonly string[] = [
  'vite@8.4.0',
  'webpack@5.113.0',
  'esbuild@0.28.2',
  'next@16.4.6',
  'react@19.3.1',
  'react-dom@19.3.1',
  'bun@1.4.5',
  'deno@2.9.6',
];
