import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CheckpointError } from '@vqkit/checkpoint';
import { OptionError, phrase } from '@vqkit/core-tensor';
import type { EncoderOptions } from './shard-encoder.ts';

/** What a worker is told. */
export type ToWorker =
  | { readonly kind: 'open'; readonly folder: string; readonly options: EncoderOptions }
  | { readonly kind: 'shard'; readonly shard: number };

/** What an error of vqkit is made of, as far as every message can hold it. */
export type Fields = Readonly<Record<'where' | 'argument' | 'rule' | 'got' | 'fix', string>>;

/** What it says. */
export type FromWorker =
  | { readonly kind: 'opened'; readonly engine: string }
  | { readonly kind: 'examples'; readonly shard: number; readonly done: number }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'finished'; readonly shard: number; readonly examples: number; readonly wasThere: boolean }
  | {
      readonly kind: 'failed';
      readonly shard: number | undefined;
      readonly name: string;
      readonly reason: string;
      /** Of an error of vqkit. */
      readonly fields: Fields | undefined;
    };

interface PoolHooks {
  onOpened?(engine: string): void;
  /** Examples done in all. */
  onExamples?(done: number): void;
  onFinished?(shard: number, wasThere: boolean): void;
  onWarning?(message: string): void;
  readonly signal?: AbortSignal | undefined;
}

/** A shard that was not encoded, and why. */
export interface FailedShard {
  readonly shard: number;
  readonly reason: string;
}

/** Times that a shard is given to another worker when one dies over it. */
const ATTEMPTS = 3;

/**
 * Encodes shards in several processes, each with an engine of its own. A worker that dies is replaced and its shard given to another.
 *
 * @returns the shards that failed; those not begun when the signal was aborted are left out.
 * @throws OptionError or CheckpointError when a worker cannot begin.
 */
export async function encodeInPool(
  folder: string,
  shards: readonly number[],
  { workers, ...options }: EncoderOptions & { readonly workers: number },
  hooks: PoolHooks = {},
): Promise<FailedShard[]> {
  const waiting = [...shards];
  const attempts = new Map<number, number>();
  const failed: FailedShard[] = [];
  const inHand = new Map<number, number>();
  const done = new Set<number>();
  let finished = 0;
  const report = (): void => {
    let sum = finished;
    for (const done of inHand.values()) sum += done;
    hooks.onExamples?.(sum);
  };

  /** One process until nothing is left, or it dies. Gives the error with which it could not begin. */
  const runWorker = (): Promise<Error | undefined> =>
    new Promise((resolve) => {
      const child = startWorker(options.threads ?? 1);
      let shard: number | undefined;
      let problem: Error | undefined;
      let isGone = false;
      const send = (message: ToWorker | { kind: 'stop' }): void => {
        if (child.connected) child.send(message, () => undefined);
      };
      const next = (): void => {
        shard = hooks.signal?.aborted === true ? undefined : waiting.shift();
        if (shard === undefined) child.disconnect();
        else send({ kind: 'shard', shard });
      };
      const stop = (): void => send({ kind: 'stop' });
      hooks.signal?.addEventListener('abort', stop);
      child.on('message', (message: FromWorker) => {
        if (message.kind === 'opened') hooks.onOpened?.(message.engine);
        if (message.kind === 'warning') hooks.onWarning?.(message.text);
        if (message.kind === 'examples') {
          inHand.set(message.shard, message.done);
          report();
        }
        if (message.kind === 'finished' && !done.has(message.shard)) {
          done.add(message.shard);
          inHand.delete(message.shard);
          finished += message.examples;
          report();
          hooks.onFinished?.(message.shard, message.wasThere);
        }
        // What it had said before it died comes after that.
        if (isGone) return;
        if (message.kind === 'failed') {
          if (message.shard === undefined) problem = errorOf(message);
          else failed.push({ shard: message.shard, reason: message.reason });
        }
        if (message.kind !== 'warning' && message.kind !== 'examples') {
          shard = undefined;
          if (problem === undefined) next();
          else child.disconnect();
        }
      });
      child.once('error', (error) => {
        problem ??= error;
      });
      child.once('exit', (code, signal) => {
        isGone = true;
        hooks.signal?.removeEventListener('abort', stop);
        if (shard !== undefined && hooks.signal?.aborted !== true) {
          inHand.delete(shard);
          const attempt = (attempts.get(shard) ?? 0) + 1;
          attempts.set(shard, attempt);
          const how = `its process ended with ${signal ?? `exit code ${code}`}`;
          if (attempt < ATTEMPTS) waiting.push(shard);
          else failed.push({ shard, reason: `${how}, ${ATTEMPTS} times` });
          hooks.onWarning?.(`Shard ${shard}: ${how}${attempt < ATTEMPTS ? '; another does it' : ''}`);
        }
        resolve(problem);
      });
      send({ kind: 'open', folder, options });
    });

  /** A place for one process at a time. */
  const place = async (): Promise<void> => {
    while (waiting.length > 0 && hooks.signal?.aborted !== true) {
      const problem = await runWorker();
      if (problem !== undefined) throw problem;
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, shards.length) }, place));
  return failed.sort((a, b) => a.shard - b.shard);
}

/** Native TensorFlow reads its number of threads from these. */
const THREAD_VARIABLES = ['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS', 'OMP_NUM_THREADS'];

function startWorker(threads: number): ChildProcess {
  const program = fileURLToPath(new URL('./worker.js', import.meta.url));
  const env = { ...process.env, ...Object.fromEntries(THREAD_VARIABLES.map((name) => [name, String(threads)])) };
  return fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env });
}

function errorOf({ name, reason, fields }: Extract<FromWorker, { kind: 'failed' }>): Error {
  if (fields === undefined) return new Error(reason);
  const { where, argument, rule, got, fix } = fields;
  return new (name === 'OptionError' ? OptionError : CheckpointError)(where, argument, rule, phrase(got), fix);
}
