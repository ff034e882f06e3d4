#!/usr/bin/env node
// Packs every published package as `pnpm publish` would and lints the tarballs: publint, and whether TypeScript finds the
// types ("are the types wrong"). The packages must be built.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { pack, publishedPackages } from './pack.mjs';

/** The packages are ES modules only: Node >= 20.19 can require() them, and TypeScript's node10 resolution is not served. */
const ignoredResolutions = ['node10', 'node16-cjs'];

/**
 * What is wrong with a tarball, one line each.
 * @param {string} path
 */
async function lint(path) {
  const bytes = readFileSync(path);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  const lines = messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`);
  const types = await checkPackage(createPackageFromTarballData(new Uint8Array(bytes)));
  if (types.types === false) return [...lines, 'types: it has none'];
  const problems = types.problems.filter(
    (problem) => !('resolutionKind' in problem && ignoredResolutions.includes(problem.resolutionKind)),
  );
  return [...lines, ...problems.map((problem) => `types: ${JSON.stringify(problem)}`)];
}

/**
 * Packs every published package into an empty folder and lints it; throws when one of them is wrong.
 * @param {string} folder
 * @returns {Promise<string[]>} the paths of the tarballs
 */
export async function checkPacked(folder) {
  const names = publishedPackages().map(({ name }) => name);
  const tarballs = pack(names, folder);
  let wrong = 0;
  for (const path of tarballs) {
    const lines = await lint(path);
    wrong += lines.length;
    for (const line of lines) console.log(`${path}: ${line}`);
  }
  console.log(`packed: ${names.length} packages, ${wrong} failures`);
  if (wrong > 0) throw new Error('a packed tarball is not as it should be');
  return tarballs;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-pack-'));
  try {
    await checkPacked(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
