#!/usr/bin/env node
// What a fresh machine with only Node and npm lacks: the dependencies and the built packages. `npm run build` runs this file.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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
 * Runs a command in the root with its output shown, and throws when it fails.
 * @param {string} command
 * @param {string[]} args
 */
export function run(command, args) {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', npm_config_update_notifier: 'false' };
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
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

/** Installs what pnpm-lock.yaml names, unless it stands in node_modules already. */
export function ensureInstalled() {
  const installed = `${root}node_modules/.pnpm/lock.yaml`;
  const wanted = readFileSync(`${root}pnpm-lock.yaml`, 'utf8');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === wanted) return;
  pnpm(['install', '--frozen-lockfile', '--reporter=append-only']);
}

/** Builds every package whose sources changed since its last build. */
export function ensureBuilt() {
  turbo('build');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureInstalled();
  ensureBuilt();
}
