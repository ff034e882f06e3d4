#!/usr/bin/env node
// What a fresh machine with only Node and npm lacks: the dependencies and the built packages. `npm run build` runs this file.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, win32 } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The root of the workspace, with a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Ends the process with a clear message when Node is older than package.json allows.
 * @param {string} version
 */
export function requireNode(version = process.versions.node) {
  /** @type {string} */
  const wanted = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).engines.node.replace('>=', '');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = wanted.split('.').map(Number);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  console.error(`vqkit needs Node ${wanted} or newer, this is ${version}. Install a current one from nodejs.org.`);
  process.exit(1);
}

/**
 * npm's commands and those of node_modules/.bin are scripts of cmd on Windows, which its shell alone can start.
 * @param {string} command
 * @param {string[]} args
 * @returns {[command: string, args: string[], options: import('node:child_process').SpawnSyncOptions]}
 */
export function forWindows(command, args) {
  if (isAbsolute(command) || command === 'git') return [command, args, {}];
  const line = [win32.normalize(command), ...args].map((word) => `"${word}"`).join(' ');
  return ['cmd.exe', ['/d', '/s', '/c', `"${line}"`], { windowsVerbatimArguments: true }];
}

/**
 * Runs a command in the root with its output shown, and throws when it fails.
 * @param {string} command
 * @param {string[]} args
 */
export function run(command, args) {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', npm_config_update_notifier: 'false' };
  const [file, words, options] = process.platform === 'win32' ? forWindows(command, args) : [command, args, {}];
  const { status, error } = spawnSync(file, words, {
    ...options,
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with exit code ${status}`);
}

/**
 * Runs pnpm at the version of package.json. npx brings it, so that nothing need be installed globally.
 * @param {string[]} args
 */
export function pnpm(args) {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).devEngines.packageManager;
  run('npx', ['-y', `pnpm@${version.replace('^', '')}`, ...args]);
}

/**
 * Runs a task of every package, those it depends on first. Through pnpm, because turbo looks for it on the PATH.
 * @param {string} task
 * @param {string[]} flags
 */
export function turbo(task, ...flags) {
  pnpm(['exec', 'turbo', 'run', task, '--output-logs=errors-only', ...flags]);
}

const modules = `${root}node_modules`;

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/**
 * What training takes and no more: the `dependencies` of the workspace (what building takes) and of the command line; and the same with those of the
 * studio. Tests and benchmarks, their engines, peers and tools are `devDependencies`, and three times as large.
 */
const TRAINING = ['--prod', '--filter=.', '--filter-prod=vqkit...'];
const PARTS = { training: TRAINING, studio: [...TRAINING, '--filter-prod=@vqkit/studio...'] };

/**
 * Installs what pnpm-lock.yaml names, unless it stands in node_modules already.
 * @param {'all' | keyof typeof PARTS} part
 */
export function ensureInstalled(part = 'all') {
  const wanted = readFileSync(`${root}pnpm-lock.yaml`, 'utf8');
  if (readIfThere(`${modules}/.pnpm/lock.yaml`) === wanted) return;
  // Who has the studio's has training's.
  const markers = { training: `${modules}/.training-lock.yaml`, studio: `${modules}/.studio-lock.yaml` };
  const has = readIfThere(markers.studio) === undefined ? 'training' : 'studio';
  const before = readIfThere(markers[has]);
  if (before === wanted && (part === has || part === 'training')) return;
  // Who once had everything keeps it.
  const some = part !== 'all' && (before !== undefined || !existsSync(modules));
  const wider = part === 'training' ? has : part;
  for (const marker of Object.values(markers)) rmSync(marker, { force: true });
  pnpm(['install', '--frozen-lockfile', '--reporter=append-only', ...(some && wider !== 'all' ? PARTS[wider] : [])]);
  if (some && wider !== 'all') writeFileSync(markers[wider], wanted);
}

/**
 * Builds every package whose sources changed since its last build, or only those that are named and what they depend on.
 * @param {string[]} names
 */
export function ensureBuilt(...names) {
  turbo('build', ...names.map((name) => `--filter=${name}`));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  ensureBuilt();
}
