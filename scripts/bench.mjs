#!/usr/bin/env node
// `pnpm bench …`: builds what changed, then runs `vqkit bench …`.
import { spawnSync } from 'node:child_process';
import { ensureBuilt, ensureInstalled, requireNode, root } from './setup.mjs';

requireNode();
ensureInstalled();
ensureBuilt();
const args = [`${root}packages/vqkit/dist/cli.js`, 'bench', ...process.argv.slice(2)];
const { status, signal } = spawnSync(process.execPath, args, { stdio: 'inherit' });
process.exitCode = signal === null ? (status ?? 1) : 1;
