#!/usr/bin/env node
// `node scripts/mutate.mjs residual lfq`: puts the faults of scripts/mutations/ into the sources, one at a time, and tells which the tests find: the
// short run of `npm test`, and where that does not, the full one of `.ci/run`. Without a package, all. `--only WORD` takes the faults whose
// description has it. `npm run build` first. What was found so far is kept in test-results/, and makes docs/mutations.md.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './setup.mjs';

/**
 * A fault: `from`, which stands once in the file, becomes `to`.
 * @typedef {object} Mutation
 * @property {string} file from the root
 * @property {string} fault what it does
 * @property {string} from
 * @property {string} to
 * @property {readonly string[]} [tests] test files, or folders of them, that would notice; the one of the file's own name comes first always.
 * Default: its package
 * @property {string} [note] why it is right that the short run, or none, finds it
 */

/** @typedef {{ by: string } | 'lives' | 'hangs'} Verdict */
/** @typedef {{ short: Verdict, full?: Verdict, key: string }} Found */

const LISTS = `${root}scripts/mutations/`;
const RESULTS = `${root}test-results/`;
const KEPT = `${RESULTS}mutations.json`;
const PAGE = `${root}docs/mutations.md`;
const MOST_MS = 30 * 60_000;
/** What every machine has: cpu and wasm. Faults of the other engines' own packages are looked for on all that this machine has. */
const WITHOUT_OTHERS = { VQKIT_NATIVE_CACHE: `${RESULTS}no-engine`, VK_ICD_FILENAMES: `${RESULTS}no-driver.json` };
const OTHERS = ['packages/backend-node', 'packages/backend-webgpu'];
/** What `npm run build` makes of backend-wasm's assembly. */
const COMPILED = `${root}packages/backend-wasm/dist`;
const COMPILED_BEFORE = `${RESULTS}backend-wasm-dist`;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, again: { type: 'boolean', default: false } },
});
const listed = readdirSync(LISTS).map((name) => basename(name, '.mjs'));
const unknown = positionals.find((name) => !listed.includes(name));
if (unknown !== undefined) {
  throw new Error(`mutate: a package must be one of ${listed.join(', ')}, got ${unknown}. Leave it out for all.`);
}

/** Puts back what was changed. @type {(() => void) | undefined} */
let restore;
/** @type {import('node:child_process').ChildProcess | undefined} */
let child;

function stop() {
  if (child?.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  child = undefined;
  restore?.();
  restore = undefined;
}
process.on('exit', stop);
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => process.exit(1));

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<{ status: number | null, out: string }>} without a status when it took too long
 */
function start(command, args, cwd, env = {}) {
  return new Promise((done, failed) => {
    const own = { cwd, env: { ...process.env, ...env }, detached: true };
    const process_ = spawn(command, args, { ...own, stdio: ['ignore', 'pipe', 'pipe'] });
    child = process_;
    let out = '';
    for (const stream of [process_.stdout, process_.stderr]) stream.on('data', (data) => (out += data));
    const timer = setTimeout(() => process.kill(-(/** @type {number} */ (process_.pid)), 'SIGKILL'), MOST_MS);
    process_.on('error', failed);
    process_.on('close', (status) => {
      clearTimeout(timer);
      child = undefined;
      done({ status, out });
    });
  });
}

/** @param {string} path a file of a package, from the root */
const packageOf = (path) => path.split('/').slice(0, 2).join('/');

/** The tests that would notice, in the order in which they are asked: each entry is of one package. @param {Mutation} mutation */
function stagesOf({ file, tests }) {
  const folder = packageOf(file);
  const paths = readdirSync(`${root}${folder}/test`, { recursive: true }).map((path) => `${folder}/test/${path}`);
  const own = paths.filter((path) => path.endsWith(`/${basename(file, '.ts')}.test.ts`));
  const others = tests ?? [`${folder}/test`];
  /** @type {Map<string, string[]>} */
  const byPackage = new Map();
  for (const path of others.filter((path) => !own.includes(path))) {
    byPackage.set(packageOf(path), [...(byPackage.get(packageOf(path)) ?? []), path]);
  }
  return [...(own.length > 0 ? [own] : []), ...byPackage.values()];
}

/**
 * Runs tests of one package until the first fails.
 * @param {string[]} tests files or folders, from the root
 * @param {boolean} full
 * @param {boolean} allEngines
 * @param {string[]} more
 * @returns {Promise<Verdict>}
 */
async function ask(tests, full, allEngines, more = ['--bail=1']) {
  const folder = packageOf(/** @type {string} */ (tests[0]));
  const report = `${RESULTS}mutate.json`;
  rmSync(report, { force: true });
  const paths = tests.map((path) => path.slice(folder.length + 1));
  const args = ['run', ...paths, '--maxWorkers=1', '--reporter=json', `--outputFile=${report}`];
  const waits = ['--testTimeout=240000', '--hookTimeout=240000'];
  // In the full run a suite may have left all its tests to other engines.
  const empty = full ? ['--passWithNoTests'] : [];
  const vitest = [`${root}node_modules/vitest/vitest.mjs`, ...args, ...waits, ...empty, ...more];
  const env = { ...(allEngines ? {} : WITHOUT_OTHERS), VQKIT_TESTS: full ? 'full' : undefined };
  const { status, out } = await start(process.execPath, vitest, root + folder, env);
  if (status === 0) return 'lives';
  if (status === null) return 'hangs';
  if (!existsSync(report)) throw new Error(`mutate: vitest must report on ${tests}, got exit code ${status}:\n${out}`);
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  for (const { name, status, assertionResults } of testResults) {
    const failed = assertionResults.find((/** @type {{ status: string }} */ test) => test.status === 'failed');
    if (failed !== undefined) return { by: `${name.slice(root.length)}: ${failed.fullName}` };
    if (status === 'failed') return { by: `${name.slice(root.length)}: does not load` };
  }
  return { by: `${tests}: an error outside of the tests` };
}

/** @param {Mutation} mutation @param {boolean} full @returns {Promise<Verdict>} */
async function verdictOf(mutation, full) {
  for (const tests of stagesOf(mutation)) {
    const verdict = await ask(tests, full, OTHERS.includes(packageOf(mutation.file)));
    if (verdict !== 'lives') return verdict;
  }
  return 'lives';
}

/** @param {Mutation} mutation @returns {Promise<Found>} */
async function tryOut(mutation) {
  const path = root + mutation.file;
  const text = readFileSync(path, 'utf8');
  restore = () => writeFileSync(path, text);
  writeFileSync(
    path,
    text.replace(mutation.from, () => mutation.to),
  );
  if (mutation.file.includes('/assembly/')) {
    cpSync(COMPILED, COMPILED_BEFORE, { recursive: true });
    restore = () => {
      writeFileSync(path, text);
      cpSync(COMPILED_BEFORE, COMPILED, { recursive: true });
    };
    const { status, out } = await start(process.execPath, ['scripts/build-kernels.mjs'], dirname(COMPILED));
    if (status !== 0) throw new Error(`mutate: ${mutation.fault} must compile, got:\n${out}`);
  }
  const short = await verdictOf(mutation, false);
  const found = short === 'lives' ? { short, full: await verdictOf(mutation, true) } : { short };
  stop();
  return { ...found, key: keyOf(mutation) };
}

/** Changes when the fault does. @param {Mutation} mutation */
const keyOf = ({ file, from, to }) => JSON.stringify([file, from, to]);

/** @type {[name: string, mutations: Mutation[]][]} */
const lists = [];
for (const name of listed) lists.push([name, (await import(`${LISTS}${name}.mjs`)).mutations]);

const chosen = lists.filter(([name]) => positionals.length === 0 || positionals.includes(name));
for (const { file, fault, from } of chosen.flatMap(([, mutations]) => mutations)) {
  const times = readFileSync(root + file, 'utf8').split(from).length - 1;
  if (times !== 1) throw new Error(`mutate: what '${fault}' replaces must stand once in ${file}, got ${times} times.`);
}
const changed = (await start('git', ['status', '--porcelain', '--', 'packages', 'apps'], root)).out;
if (changed !== '')
  throw new Error(`mutate: packages and apps must be as committed, got:\n${changed}Commit or restore them.`);
mkdirSync(RESULTS, { recursive: true });

/** @type {Found[]} */
const known = existsSync(KEPT) ? JSON.parse(readFileSync(KEPT, 'utf8')) : [];
const foundOf = (/** @type {Mutation} */ mutation) => known.find(({ key }) => key === keyOf(mutation));
const killed = (/** @type {Verdict | undefined} */ verdict) => verdict !== undefined && verdict !== 'lives';

for (const [name, mutations] of chosen) {
  for (const mutation of mutations) {
    if (given.only !== undefined && !mutation.fault.includes(given.only)) continue;
    if (foundOf(mutation) !== undefined && !given.again) continue;
    const since = Date.now();
    const found = await tryOut(mutation);
    known.splice(0, known.length, ...known.filter(({ key }) => key !== found.key), found);
    writeFileSync(KEPT, JSON.stringify(known, null, 1));
    const by = found.full ?? found.short;
    const short = killed(found.short) ? 'short' : killed(found.full) ? 'FULL ONLY' : 'LIVES';
    console.log(`${name}: ${short}: ${mutation.fault} (${Math.round((Date.now() - since) / 1000)} s)`);
    if (typeof by === 'object') console.log(`    ${by.by}`);
  }
  // Tests that fail without a fault find nothing.
  const finders = mutations.flatMap((mutation) => {
    const { short } = foundOf(mutation) ?? {};
    return typeof short === 'object' ? [short.by.split(/: (.*)/s)] : [];
  });
  for (const folder of new Set(finders.map(([file = '']) => packageOf(file)))) {
    const own = finders.filter(([file = '']) => packageOf(file) === folder);
    const files = [...new Set(own.map(([file = '']) => file))];
    const names = own.map(([, test = '']) => test.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    const pattern = `--testNamePattern=${names.join('|')}`;
    const verdict = await ask(files, false, OTHERS.includes(`packages/${name}`), [pattern]);
    if (typeof verdict !== 'object') continue;
    console.log(`${name}: FAILS WITHOUT A FAULT: ${verdict.by}`);
    process.exitCode = 1;
  }
}

/** @param {Verdict | undefined} verdict */
const inWords = (verdict) => (verdict === undefined || verdict === 'lives' ? 'lives' : 'killed');
/** The test that found it, and the engine. @param {Found} found */
const finderOf = ({ short, full }) => {
  const verdict = killed(full) ? full : short;
  if (typeof verdict !== 'object') return '';
  const [, folder, test, engine] =
    /^(?:packages|apps)\/(.*?)\/test\/(.*?)\.test\.ts: (?:on ([\w-]+) )?/.exec(verdict.by) ?? [];
  return `${folder}/${test}${engine === undefined ? '' : `, ${engine}`}`;
};
const page = lists.flatMap(([name, mutations]) => {
  const rows = mutations.flatMap((mutation) => {
    const found = foundOf(mutation);
    if (found === undefined) return [];
    const full = inWords(found.full ?? found.short);
    const by = killed(found.short) ? finderOf(found) : [finderOf(found), mutation.note].filter(Boolean).join('; ');
    return [`| ${mutation.fault} | ${inWords(found.short)} | ${full} | ${by} |`];
  });
  const head = [`## ${name}`, '', '| fault | short | full | found by |', '| ----- | ----- | ---- | -------- |'];
  return rows.length === 0 ? [] : [...head, ...rows, ''];
});
const all = lists.flatMap(([, mutations]) => mutations).flatMap((mutation) => foundOf(mutation) ?? []);
const shorts = all.filter(({ short }) => killed(short)).length;
const fulls = all.filter(({ full }) => killed(full)).length;
const summary = `${all.length} faults: ${shorts} killed by the short run, ${fulls} by the full run alone, ${all.length - shorts - fulls} by neither.`;
console.log(summary);
writeFileSync(
  PAGE,
  [
    '# Faults that the tests find',
    '',
    'Made by `node scripts/mutate.mjs`, which puts each fault of scripts/mutations/ into the sources and runs the tests that would notice: first those of the short run',
    '(`npm test`), and where these pass, those of the full run (`bash .ci/run`), which has every test of the short one. Engines: cpu and wasm, which every machine has; for',
    'backend-node and backend-webgpu all that the machine had.',
    '',
    summary,
    '',
    ...page,
  ].join('\n'),
);
await start(`${root}node_modules/.bin/biome`, ['format', '--write', PAGE], root);
