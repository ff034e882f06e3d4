import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../scripts/setup.mjs';

/** How a page of examples/ is built by each bundler, in its folder, and served. Nothing in them says where a .wasm file is. */
const scripts: Readonly<Record<string, string>> = {
  'vite.mjs': `
import { build } from 'vite';

await build({ logLevel: 'error', build: { outDir: 'dist-vite' } });
`,
  'esbuild.mjs': `
import { cpSync, existsSync } from 'node:fs';
import { build } from 'esbuild';

const entryPoints = ['main.js', 'worker.js'].filter(existsSync);
await build({ entryPoints, bundle: true, minify: true, format: 'esm', outdir: 'dist-esbuild' });
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
  const options = { logLevel: 'error', configFile: false };
  const [, folder] = process.argv.slice(1);
  const server =
    folder === undefined
      ? await (await createServer({ ...options, server: how, cacheDir: 'cache-' + addresses.length })).listen()
      : await preview({ ...options, build: { outDir: folder }, preview: how });
  addresses.push(server.resolvedUrls.local[0]);
}
console.log(addresses.join(' '));
`,
};

/** The folders of examples/. */
export const examples: readonly string[] = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** What an example says it needs, with versions. */
export function dependenciesOf(example: string): Record<string, string> {
  const manifest = JSON.parse(readFileSync(join(root, 'examples', example, 'package.json'), 'utf8')) as Manifest;
  return { ...manifest.dependencies, ...manifest.devDependencies };
}

/**
 * Puts every example under a folder where all is installed once. That of Next is the folder itself, because its bundler takes nothing from above it.
 */
export function copyExamples(project: string): void {
  mkdirSync(project, { recursive: true });
  cpSync(join(root, 'examples/next'), project, { recursive: true });
  for (const name of examples) {
    if (name !== 'next') cpSync(join(root, 'examples', name), join(project, name), { recursive: true });
  }
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(project, name), text);
}

/** What the examples are built with and run by, at exact versions: what they name, and what they are tried with beside. */
export const tools: readonly string[] = [
  ...new Set(
    examples.flatMap((name) =>
      Object.entries(dependenciesOf(name))
        .filter(([dependency]) => !dependency.startsWith('@vqkit/'))
        .map(([dependency, version]) => `${dependency}@${version}`),
    ),
  ),
  'webpack@5.113.0',
  'esbuild@0.28.2',
  'bun@1.4.5',
  'deno@2.9.6',
];
