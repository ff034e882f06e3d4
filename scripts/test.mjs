#!/usr/bin/env node
// `npm test`: everything that must hold before a change lands, from a fresh clone on. Every stage runs even when an earlier
// one failed. The last line is the test runner's own count: `N passed, N failed`, with the skipped ones when there are any.
import { readFileSync, rmSync } from 'node:fs';
import { ensureInstalled, root, run, turbo } from './setup.mjs';

const REPORT = `${root}test-results/vitest.json`;

/** On a CI machine nothing is taken from a cache. */
const fresh = process.env.CI === 'true' ? ['--force'] : [];

/** @type {[name: string, run: () => void | Promise<void>][]} */
const stages = [
  ['build', () => turbo('build', ...fresh)],
  ['types of the tests', () => turbo('typecheck', '--only', '--continue', ...fresh)],
  ['types of the scripts', () => run('node_modules/.bin/tsc', ['-p', 'tsconfig.json'])],
  ['biome', () => run('node_modules/.bin/biome', ['check', '.'])],
  ['layout', () => run(process.execPath, ['scripts/check-layout.mjs'])],
  ['knip', () => run('node_modules/.bin/knip', [])],
  ['packed tarballs', () => run(process.execPath, ['scripts/check-packed.mjs'])],
  [
    'tests',
    () =>
      run('node_modules/.bin/vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`]),
  ],
];

/** @type {string[]} */
const failed = [];

/**
 * Runs a stage, says how long it took, and notes whether it failed.
 * @param {string} name
 * @param {() => void | Promise<void>} work
 */
async function stage(name, work) {
  console.log(`\n── ${name}`);
  const began = performance.now();
  let outcome = 'ok';
  try {
    await work();
  } catch (error) {
    outcome = `FAILED: ${error instanceof Error ? error.message : error}`;
    failed.push(name);
  }
  console.log(`── ${name}: ${outcome}, ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/**
 * The part of vitest's JSON report that is read here.
 * @typedef {{ status: string, title: string, ancestorTitles: string[] }} Test
 * @typedef {{ name: string, status: string, assertionResults: Test[] }} TestFile
 */

/** @returns {TestFile[]} none when vitest did not get as far as its report */
function readReport() {
  try {
    return JSON.parse(readFileSync(REPORT, 'utf8')).testResults;
  } catch {
    return [];
  }
}

/**
 * The skipped tests of a file by name; a suite that was skipped whole is one name.
 * @param {TestFile} file
 * @returns {string[]}
 */
function skippedNames({ assertionResults }) {
  const paths = assertionResults.map(({ ancestorTitles, title, status }) => ({
    path: [...ancestorTitles, title],
    ran: status === 'passed' || status === 'failed',
  }));
  const names = paths
    .filter(({ ran }) => !ran)
    .map(({ path }) => {
      for (let depth = 1; depth < path.length; depth++) {
        const suite = path.slice(0, depth);
        const inSuite = paths.filter((other) => suite.every((title, i) => other.path[i] === title));
        if (inSuite.every(({ ran }) => !ran)) return `${suite.join(' > ')} (${inSuite.length} tests)`;
      }
      return path.join(' > ');
    });
  return [...new Set(names)];
}

await stage('set-up', ensureInstalled);
if (failed.length === 0) {
  rmSync(REPORT, { force: true });
  for (const [name, work] of stages) await stage(name, work);
}

const report = readReport();
const tests = report.flatMap((file) => file.assertionResults);
const passed = tests.filter(({ status }) => status === 'passed').length;
// A file that could not be loaded has no tests to count; it is one failure.
const broken = report.filter(
  (file) => file.status === 'failed' && file.assertionResults.every((t) => t.status !== 'failed'),
);
const failures = tests.filter(({ status }) => status === 'failed').length + broken.length;
const skipped = tests.length - passed - (failures - broken.length);

console.log('');
for (const file of report) {
  for (const name of skippedNames(file)) console.log(`not run: ${file.name.replace(root, '')}: ${name}`);
}
if (failed.length > 0) console.log(`failed stages: ${failed.join(', ')}`);
console.log(`${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed.length > 0 ? 1 : 0;
