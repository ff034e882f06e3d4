import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { complaint, tieToThisProcess } from '../child.ts';
import { PACKAGE_FOLDER } from '../paths.ts';
import type { Request } from './protocol.ts';

export type ContenderName =
  | 'vqkit'
  | 'native'
  | 'webgpu'
  | 'codec'
  | 'chain'
  | 'composed'
  | 'onnx'
  | 'jax'
  | 'torch'
  | 'cuda';

/** How each is called in tables. */
export const CONTENDER_TITLES: Record<ContenderName, string> = {
  vqkit: 'vqkit, wasm',
  native: 'vqkit, native',
  webgpu: 'vqkit, webgpu',
  codec: 'vqkit codec',
  chain: 'textbook tfjs',
  composed: 'composed tfjs',
  onnx: 'onnxruntime-node',
  jax: 'jax-js',
  torch: 'vector-quantize-pytorch',
  cuda: 'vector-quantize-pytorch, CUDA',
};

/** A contender in a process of its own, so that its threads, its memory and its warm code are its own. */
export interface Contender {
  readonly name: ContenderName;
  /** @throws Error with the reason when the contender cannot do it. */
  ask<T>(request: Request): Promise<T>;
  stop(): void;
}

/** Longest time for one answer. */
const PATIENCE_MS = 280_000;
const PREFIX = '@bench ';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

interface ContenderOptions {
  readonly python: string | undefined;
  readonly threads: number;
}

export function startContender(name: ContenderName, { python, threads }: ContenderOptions): Contender {
  const child = startProcess(name, python, threads);
  tieToThisProcess(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = `${errors}${chunk.toString()}`.slice(-2000);
  });
  let settle: { resolve(answer: unknown): void; reject(error: Error): void } | undefined;
  let ended: string | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Libraries print to the same stream.
    if (line.startsWith(PREFIX)) settle?.resolve(JSON.parse(line.slice(PREFIX.length)));
  });
  const fail = (reason: string): void => {
    ended = `${reason}${complaint(errors)}`;
    settle?.reject(new Error(ended));
  };
  child.once('error', (error) => fail(error.message));
  child.once('close', (code, signal) => fail(`its process ended with ${signal ?? `exit code ${code}`}`));
  child.stdin.on('error', () => undefined);
  return {
    name,
    async ask<T>(request: Request): Promise<T> {
      if (ended !== undefined) throw new Error(ended);
      const answer = new Promise<unknown>((resolve, reject) => {
        settle = { resolve, reject };
      });
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        settle?.reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      child.stdin.write(`${JSON.stringify(request)}\n`);
      try {
        const given = (await answer) as T & { failed?: string };
        if (given.failed !== undefined) throw new Error(given.failed);
        return given;
      } finally {
        clearTimeout(timer);
        settle = undefined;
      }
    },
    stop() {
      child.kill('SIGKILL');
    },
  };
}

/**
 * The bounds that glibc's allocator sets itself once a process has freed a block of 32 MiB: up to them freed memory is kept. Before, it
 * goes back to the system with every call or is kept, by chance, and a call of PyTorch takes up to three times as long with 2,000 page faults.
 */
export const FREED_MEMORY_KEPT: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 25),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 26),
};

function startProcess(name: ContenderName, python: string | undefined, threads: number): Child {
  const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
  const env = { ...process.env, ...FREED_MEMORY_KEPT };
  if (name === 'torch' || name === 'cuda') {
    if (python === undefined) throw new Error('no Python with the reference library');
    const limited = { ...env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
    return spawn(python, [`${PACKAGE_FOLDER}peers/${name === 'torch' ? 'kernels' : 'gpu'}.py`], {
      stdio,
      env: limited,
    });
  }
  return spawn(process.execPath, [`${PACKAGE_FOLDER}dist/src/kernels/worker.js`, name], { stdio, env });
}
