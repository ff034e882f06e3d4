#!/usr/bin/env node
// `npm test`: everything that must hold before a change lands, from a fresh clone on. Every stage runs even when an earlier
// one failed. The last line is the test runner's own count: `N passed, N failed`, with the skipped ones when there are any.
// `npm test -- layout knip` runs only the stages that are named.
import { readFileSync, rmSync } from 'node:fs';
import { ensureInstalled, requireNode, root, run, turbo } from './setup.mjs';

const REPORT = `${root}test-results/vitest.json`;

/** On a CI machine nothing is taken from a cache. */
const fresh = process.env.CI === 'true' ? ['--force'] : [];

/** Where native TensorFlow is required it is installed, unless it is there: with the wheel that the binding was tried with. */
const nativeRequired = (process.env.REQUIRE_BACKENDS ?? '').split(',').includes('native');
const installNative = () =>
  run(process.execPath, ['packages/vqkit/dist/cli.js', 'native', 'install', '--method', 'pip']);

/** In the full run a suite may have left all its tests to other engines (packages/testing/src/short-run.ts). A file without tests fails: see `summarise`. */
const emptySuites = process.env.VQKIT_TESTS === 'full' ? ['--passWithNoTests'] : [];

/** @type {Record<string, () => void | Promise<void>>} */
const stages = {
  build: () => turbo('build', ...fresh),
  ...(nativeRequired && { native: installNative }),
  types: () => {
    turbo('typecheck', '--only', '--continue', ...fresh);
    run('node_modules/.bin/tsc', ['-p', 'tsconfig.json']);
    run('node_modules/.bin/tsc', ['-p', 'test/engines/tsconfig.json']);
  },
  biome: () => run('node_modules/.bin/biome', ['check', '.']),
  layout: () => run(process.execPath, ['scripts/check-layout.mjs']),
  knip: () => run('node_modules/.bin/knip', ['--no-config-hints']),
  packed: () => run(process.execPath, ['scripts/check-packed.mjs']),
  tests: () =>
    run('node_modules/.bin/vitest', [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${REPORT}`,
      ...emptySuites,
    ]),
};

const named = process.argv.slice(2);
const chosen = named.length > 0 ? named : Object.keys(stages);

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
 * The name under which a test that did not run is listed: that of the outermost suite of which nothing ran, else its own.
 * @param {Test} test
 * @param {TestFile} file
 */
function skippedName({ ancestorTitles, title }, { assertionResults }) {
  for (let depth = 1; depth <= ancestorTitles.length; depth++) {
    const suite = ancestorTitles.slice(0, depth);
    const inSuite = assertionResults.filter((test) => suite.every((name, i) => test.ancestorTitles[i] === name));
    if (!inSuite.some(ran)) return suite.join(' > ');
  }
  return [...ancestorTitles, title].join(' > ');
}

/** @param {Test} test */
function ran({ status }) {
  return status === 'passed' || status === 'failed';
}

/** How the name ends of what the short run leaves out, a test or a suite (packages/testing/src/short-run.ts). */
const LEFT = '[left to the full run: bash .ci/run]';

/**
 * The tests that did not run, by name: how many in which files. Those that the short run leaves out are counted by packages.
 * @param {TestFile[]} report
 */
function skippedTests(report) {
  /** @type {Map<string, { tests: number, files: Set<string> }>} */
  const names = new Map();
  for (const file of report) {
    for (const test of file.assertionResults) {
      if (ran(test)) continue;
      const own = skippedName(test, file);
      const [group, folder] = file.name.replace(root, '').split('/');
      const name = own.endsWith(LEFT) ? `${group === 'test' ? 'test' : `${group}/${folder}`} ${LEFT}` : own;
      const { tests, files } = names.get(name) ?? { tests: 0, files: new Set() };
      names.set(name, { tests: tests + 1, files: files.add(file.name.replace(root, '')) });
    }
  }
  return names;
}

/** Prints what was not run, by name, and the count of the tests. */
function summarise() {
  const report = readReport();
  const tests = report.flatMap((file) => file.assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const failures = tests.filter(({ status }) => status === 'failed').length;
  const skipped = tests.filter((test) => !ran(test)).length;
  // A file that could not be loaded, or has no tests, has no failed test to count; it is one failure.
  const broken = report.filter(
    ({ status, assertionResults }) =>
      assertionResults.length === 0 || (status === 'failed' && assertionResults.every((t) => t.status !== 'failed')),
  );
  if ((broken.length > 0 || passed === 0) && !failed.includes('tests')) failed.push('tests');

  console.log('');
  for (const [name, { tests, files }] of skippedTests(report)) {
    const where = files.size > 3 ? `${files.size} files` : [...files].join(', ');
    console.log(`not run: ${name} (${tests} tests in ${where})`);
  }
  if (failed.length > 0) console.log(`failed stages: ${failed.join(', ')}`);
  console.log(`${passed} passed, ${failures + broken.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}

rmSync(REPORT, { force: true });
requireNode();
await stage('set-up', ensureInstalled);
if (failed.length === 0) {
  for (const name of chosen) {
    await stage(
      name,
      stages[name] ?? (() => Promise.reject(new Error(`no such stage: ${Object.keys(stages).join(', ')}`))),
    );
  }
}
if (chosen.includes('tests')) summarise();
process.exitCode = failed.length > 0 ? 1 : 0;
