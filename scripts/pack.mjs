#!/usr/bin/env node
// `node scripts/pack.mjs`: packs every public package as it would be published, and prints the line that installs them in another
// project. Until 0.1.0 is published, this is how to use vqkit from a clone. `node scripts/pack.mjs lfq backend-wasm` packs those alone,
// with what they depend on.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, pnpm, requireNode, root } from './setup.mjs';

/** The published packages: names, and folders from the root. */
export function publishedPackages() {
  const folders = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((own) => `${group}/${own}`),
  );
  // A folder may hold what an earlier commit has built there, and no package.
  const there = folders.filter((folder) => existsSync(join(root, folder, 'package.json')));
  const all = there.map((folder) => ({ folder, ...readManifest(join(root, folder, 'package.json')) }));
  return all.filter((manifest) => !manifest.private).map(({ name, folder }) => ({ name, folder }));
}

/**
 * @param {string} path
 * @returns {{ name: string, private?: boolean }}
 */
function readManifest(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * Packs packages into an empty folder, as `pnpm publish` would.
 * @param {string[]} filters which packages, as pnpm's --filter names them
 * @param {string} destination
 * @returns {string[]} the paths of the tarballs
 */
export function pack(filters, destination) {
  // What they need to run, and not what their tests do.
  const only = filters.map((filter) => `--filter-prod=${filter}`);
  pnpm([...only, 'pack', '--silent', '--pack-destination', destination]);
  return readdirSync(destination).map((name) => join(destination, name));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  requireNode();
  ensureInstalled();
  ensureBuilt();
  const named = process.argv.slice(2);
  // Three dots: and the packages that it depends on.
  const filters =
    named.length > 0
      ? named.map((name) => `${name === 'vqkit' ? name : `@vqkit/${name}`}...`)
      : ['./packages/*', '@vqkit/train'];
  const folder = join(root, 'packed');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const tarballs = pack([...filters, '!@vqkit/testing'], folder);
  console.log(`\nIn your own project, type:\n\n  npm install @tensorflow/tfjs-core@4.22.0 ${tarballs.join(' ')}\n`);
}
