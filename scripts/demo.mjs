#!/usr/bin/env node
// `npm run demo`: the studio with a trained tokenizer of images to try. Trains one on MNIST first, for a minute or less, unless it has;
// `npm run demo -- runs/photos` takes another run, a checkpoint or a file of `vqkit export`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled, requireNode, root } from './setup.mjs';

const CLI = 'packages/vqkit/dist/cli.js';
const RUN = 'runs/demo';

/** Trains the tokenizer of the demo, or goes on where an earlier start was stopped. */
function trainOnce() {
  if (existsSync(`${root}${RUN}/summary.json`)) return;
  const begun = existsSync(`${root}${RUN}/config.json`);
  const args = begun ? ['--resume', RUN] : ['--preset', 'start', '--quantizer', 'fsq', '--out-dir', RUN];
  console.log(`\n$ vqkit train ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [CLI, 'train', ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

requireNode();
ensureInstalled('studio');
ensureBuilt('vqkit', '@vqkit/studio');
const { values, positionals } = parseArgs({ options: { port: { type: 'string' } }, allowPositionals: true });
const [given] = positionals;
if (given === undefined) trainOnce();

const { serveStudio } = await import('../apps/studio/dist/index.js');
try {
  const { address } = await serveStudio({
    paths: [given ?? `${root}${RUN}`],
    port: Number(values.port ?? 8080),
  });
  console.log(`\nOpen ${address}/#try in a browser. Ctrl-C ends it.`);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
