#!/usr/bin/env node
// Shows that a change leaves every number as it was: trains the MNIST recipe with LFQ, FSQ and SimVQ for 50 steps on wasm with one thread, before
// and after, and compares weights, moments, losses, test metrics, token ids and WebGPU's shaders bit for bit.
//
//   node scripts/replay.mjs                    the last commit, and the working tree
//   node scripts/replay.mjs main               main, and the working tree
//   node scripts/replay.mjs v0.1.0 ../other    any two of commits and built checkouts
//
// After tinygrad's process replay. What a commit gave is kept under node_modules/.cache/replay; --fresh computes it again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { record } from './replay/record.mjs';
import { root } from './setup.mjs';

const args = process.argv.slice(2);
const fresh = args.includes('--fresh');
const [before = 'HEAD', after = '.'] = args.filter((arg) => arg !== '--fresh');
const SHOWN = 20;

const [old, now] = [recordingOf(before), recordingOf(after)];
const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
const different = names.filter((name) => !Object.is(old[name], now[name]));
for (const name of different.slice(0, SHOWN)) console.log(`${name}: ${old[name]} → ${now[name]}`);
if (different.length > SHOWN) console.log(`… and ${different.length - SHOWN} more`);
const kinds = Object.entries({ checkpoint: 'tensors', ids: 'files of ids', shader: 'shaders' });
const counts = kinds.map(([kind, word]) => `${names.filter((name) => name.split(' ').includes(kind)).length} ${word}`);
console.log(
  `replay: ${before} and ${after} ${different.length === 0 ? 'agree bit for bit' : `differ in ${different.length}`} (${names.length} values, among them ${counts.join(', ')})`,
);
process.exitCode = different.length === 0 ? 0 : 1;

/**
 * @param {string} place a folder or a commit
 * @returns {import('./replay/record.mjs').Recording}
 */
function recordingOf(place) {
  const onPart = (/** @type {string} */ done) => console.log(`${place}: ${done}`);
  const isFolder = existsSync(join(resolve(place), 'package.json'));
  if (isFolder) return record(resolve(place), onPart);
  const commit = output('git', ['rev-parse', '--verify', `${place}^{commit}`]);
  const cache = join(root, 'node_modules/.cache/replay', `${commit}-node${process.versions.node}.json`);
  if (!fresh && existsSync(cache)) return JSON.parse(readFileSync(cache, 'utf8'));
  const checkout = mkdtempSync(join(tmpdir(), 'vqkit-checkout-'));
  try {
    output('git', ['worktree', 'add', '--detach', checkout, commit]);
    console.log(`${place}: building ${commit.slice(0, 7)}`);
    output(process.execPath, ['scripts/setup.mjs'], checkout);
    const recording = record(checkout, onPart);
    mkdirSync(join(cache, '..'), { recursive: true });
    writeFileSync(cache, JSON.stringify(recording));
    return recording;
  } finally {
    output('git', ['worktree', 'remove', '--force', checkout]);
    rmSync(checkout, { recursive: true, force: true });
  }
}

/**
 * What a command prints, where it succeeds.
 * @param {string} command
 * @param {string[]} given
 */
function output(command, given, cwd = root) {
  const { status, stdout, stderr } = spawnSync(command, given, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} ${given.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout.trim();
}
