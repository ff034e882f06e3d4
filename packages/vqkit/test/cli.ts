import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBackendFactory, removeBackend } from '@tensorflow/tfjs-core';
import { fullRun } from '@vqkit/testing';
import { vi } from 'vitest';
import { runCli } from '../src/cli/run.ts';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface ProcessOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Sees what the process has written so far, and may send signals. */
  readonly onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/**
 * Runs the built command line in a process of its own. In the short run, which this saves half a minute, a command that needs neither an environment nor signals runs in
 * this process instead.
 */
export function vqkit(args: readonly string[], options: ProcessOptions = {}): Promise<Ended> {
  const { cwd, env, onStderr } = options;
  return fullRun || env !== undefined || onStderr !== undefined ? vqkitProcess(args, options) : vqkitHere(args, cwd);
}

/** Runs the built command line in a process of its own, in the short run as well. */
export function vqkitProcess(args: readonly string[], { cwd, env, onStderr }: ProcessOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...args], { cwd, env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    onStderr?.(stderr, (signal) => child.kill(signal));
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs the sources in this process, in the full run as well: for many calls that do no work. An engine with other threads, of whatever ran here before, is removed with its tensors. */
export async function vqkitHere(args: readonly string[], cwd = process.cwd()): Promise<Ended> {
  const written = { stdout: '', stderr: '' };
  const before = process.cwd();
  if (findBackendFactory('wasm') !== null) removeBackend('wasm');
  process.chdir(cwd);
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  try {
    return { code: await runCli(args), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
    for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
    process.chdir(before);
  }
}

/** A tiny data set in MNIST's format: `count` images of 8 × 8, half of them for the test; a run on it takes seconds. */
export async function writeTinyData(folder: string, count = 48): Promise<string> {
  await mkdir(folder, { recursive: true });
  const pixels = 64;
  for (const name of ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte']) {
    const bytes = Buffer.alloc(16 + count * pixels);
    for (const [i, word] of [0x803, count, 8, 8].entries()) bytes.writeUInt32BE(word, 4 * i);
    for (let i = 0; i < count * pixels; i++) bytes[16 + i] = (((i % pixels) * (1 + Math.floor(i / pixels))) % 16) * 16;
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}
