#!/usr/bin/env node
// Holds the layout of the workspace: the shape of a package, which way imports go, what a source file may contain.
// What biome, knip and tsc check already is left to them.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checkExamples } from './layout/examples.mjs';
import { checkImports } from './layout/imports.mjs';
import { checkNames } from './layout/names.mjs';
import { checkPackages } from './layout/packages.mjs';
import { checkSources } from './layout/sources.mjs';
import { findPackages } from './layout/workspace.mjs';

/**
 * @param {Map<string, string>} files the text of every file of the repository, by its path from the root
 * @returns {import('./layout/workspace.mjs').Failure[]}
 */
export function checkLayout(files) {
  const packages = findPackages(files);
  return [
    ...checkPackages(files, packages),
    ...checkImports(files, packages),
    ...checkSources(files),
    ...checkNames(files),
    ...checkExamples(files),
  ];
}

/**
 * The files that git tracks or would add, as text.
 * @param {string} root
 */
function repositoryFiles(root) {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const paths = listed.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const files = repositoryFiles(fileURLToPath(new URL('..', import.meta.url)));
  const failures = checkLayout(files);
  for (const { file, rule, fix } of failures) console.log(`${file}: ${rule}. ${fix}`);
  console.log(
    failures.length === 0
      ? `layout: ${files.size} files, all as they should be`
      : `layout: ${failures.length} failures`,
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
}
