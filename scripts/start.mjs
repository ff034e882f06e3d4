#!/usr/bin/env node
// `npm start`: from a fresh clone to three trained image tokenizers in a few minutes. Trains LFQ, FSQ and SimVQ on MNIST one
// after another, prints one table, and writes one report that shows the three side by side.
// `npm start -- --steps 50` passes options on to each training.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { ensureBuilt, ensureInstalled, requireNode, root } from './setup.mjs';

const QUANTIZERS = ['lfq', 'fsq', 'simvq'];
const CLI = 'packages/vqkit/dist/cli.js';

/**
 * The part of a run's summary.json that is read here.
 * @typedef {{
 *   quantizer: import('@vqkit/quantizers').QuantizerName,
 *   elapsedSeconds: number,
 *   stepsPerSecond: number | null,
 *   test: {
 *     quality: { l1: number, psnrDb: number | null },
 *     codes: { used: number, codebookSize: number, perplexity: number, bitsPerToken: number },
 *   },
 * }} Summary
 */

/**
 * Runs the command line as a user would type it, and ends this process when it fails.
 * @param {string[]} args
 */
function vqkit(...args) {
  console.log(`\n$ vqkit ${args.join(' ')}`);
  const { status, signal } = spawnSync(process.execPath, [CLI, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(signal === null ? (status ?? 1) : 1);
}

/** The first of runs/start, runs/start-2, … that does not exist: every start keeps its results. */
function freshFolder() {
  for (let i = 1; ; i++) {
    const folder = i === 1 ? 'runs/start' : `runs/start-${i}`;
    if (!existsSync(`${root}${folder}`)) return folder;
  }
}

/**
 * @param {string[]} folders
 * @returns {Promise<string[][]>} a head and one row for each run
 */
async function tableOf(folders) {
  // By its path: the workspace itself has it for tests alone, which are not installed here.
  /** @type {typeof import('@vqkit/quantizers')} */
  const { QUANTIZERS } = await import(`${root}packages/quantizers/dist/index.js`);
  const rows = folders.map((folder) => {
    /** @type {Summary} */
    const summary = JSON.parse(readFileSync(`${root}${folder}/summary.json`, 'utf8'));
    const { quality, codes } = summary.test;
    return [
      QUANTIZERS[summary.quantizer].title,
      `${codes.bitsPerToken.toFixed(2)} of ${Math.log2(codes.codebookSize).toFixed(2)}`,
      quality.l1.toFixed(4),
      quality.psnrDb === null ? 'exact' : `${quality.psnrDb.toFixed(2)} dB`,
      `${codes.used} of ${codes.codebookSize}`,
      codes.perplexity.toFixed(1),
      summary.stepsPerSecond?.toFixed(1) ?? '-',
      summary.elapsedSeconds.toFixed(0),
    ];
  });
  return [['quantizer', 'bits/token', 'test L1', 'PSNR', 'used codes', 'perplexity', 'steps/s', 'seconds'], ...rows];
}

/** @param {string[][]} rows */
function printTable(rows) {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows) {
    console.log(
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    );
  }
}

requireNode();
const began = performance.now();
ensureInstalled('training');
ensureBuilt('vqkit');

const folder = freshFolder();
const runs = QUANTIZERS.map((quantizer) => ({ quantizer, path: `${folder}/${quantizer}` }));
for (const { quantizer, path } of runs)
  vqkit('train', '--preset', 'start', '--quantizer', quantizer, '--out-dir', path, ...process.argv.slice(2));
const paths = runs.map(({ path }) => path);
vqkit('report', ...paths, '--out', `${folder}/report.html`);

console.log('');
printTable(await tableOf(paths));
console.log(
  `\nDone in ${((performance.now() - began) / 1000).toFixed(0)} s. The three side by side: ${root}${folder}/report.html`,
);
