import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CheckpointError } from '@vqkit/checkpoint';
import { OptionError, phrase, type QuantizerError } from '@vqkit/core-tensor';
import { Interrupted } from '@vqkit/data';
import type { EncoderOptions } from './shard-encoder.ts';

/** What a process is told. */
export type ToWorker =
  | { readonly kind: 'open'; readonly folder: string; readonly options: EncoderOptions }
  | { readonly kind: 'shard'; readonly shard: number }
  | { readonly kind: 'stop' };

/** What it says. */
export type FromWorker =
  | { readonly kind: 'opened'; readonly engine: string }
  | { readonly kind: 'examples'; readonly done: number }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'finished'; readonly examples: number; readonly wasThere: boolean }
  | { readonly kind: 'interrupted' }
  | {
      readonly kind: 'failed';
      readonly name: string;
      readonly reason: string;
      /** Of an error of vqkit. */
      readonly fields: Fields | undefined;
    };

/** What an error of vqkit is made of. */
export type Fields = Pick<QuantizerError, 'where' | 'argument' | 'rule' | 'got' | 'fix'>;

/** A process has ended over its work, of memory or by a signal. */
export class WorkerDied extends Error {
  override name = 'WorkerDied';
}

/** A shard that is done. */
interface DoneShard {
  readonly examples: number;
  readonly wasThere: boolean;
}

/** A process with an engine of its own, so that whoever asks it stays free to answer others meanwhile. */
export interface WorkerProcess {
  readonly engine: string;
  /**
   * Encodes a shard, unless it is complete.
   * @throws Interrupted after `stop`; WorkerDied when the process has ended; else what encoding throws.
   */
  encode(shard: number, onExamples?: (done: number) => void): Promise<DoneShard>;
  /** Ends the work on a shard after its batch; nothing of it is kept. */
  stop(): void;
  /** Ends the process. */
  close(): void;
}

/** Native TensorFlow reads its number of threads from these. */
const THREAD_VARIABLES = ['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS', 'OMP_NUM_THREADS'];

/**
 * Starts a process that encodes shards of a folder, one after the other.
 *
 * @throws OptionError or CheckpointError when it cannot begin; WorkerDied when it ends before.
 */
export async function startWorkerProcess(
  folder: string,
  { threads = 1, ...options }: EncoderOptions,
  onWarning: (message: string) => void = () => undefined,
): Promise<WorkerProcess> {
  const program = fileURLToPath(new URL('./worker.js', import.meta.url));
  const env = { ...process.env, ...Object.fromEntries(THREAD_VARIABLES.map((name) => [name, String(threads)])) };
  const child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env });
  let onExamples: ((done: number) => void) | undefined;
  let answer: ((message: FromWorker | Error) => void) | undefined;
  let ended: WorkerDied | undefined;
  child.on('message', (message: FromWorker) => {
    if (message.kind === 'warning') onWarning(message.text);
    else if (message.kind === 'examples') onExamples?.(message.done);
    else answer?.(message);
  });
  const end = (how: string): void => {
    ended ??= new WorkerDied(`its process ended with ${how}`);
    // What it had said before may still be on its way.
    setImmediate(() => answer?.(ended as WorkerDied));
  };
  child.once('error', ({ message }) => end(message));
  child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  const ask = (message: ToWorker): Promise<Exclude<FromWorker, { kind: 'warning' | 'examples' }>> =>
    new Promise((resolve, reject) => {
      answer = (said) => {
        answer = undefined;
        if (said instanceof Error) reject(said);
        else resolve(said as Exclude<FromWorker, { kind: 'warning' | 'examples' }>);
      };
      if (ended === undefined) child.send(message, () => undefined);
      else answer(ended);
    });
  const close = (): void => {
    if (child.connected) child.disconnect();
  };
  const opened = await ask({ kind: 'open', folder, options: { ...options, threads } });
  if (opened.kind !== 'opened') {
    close();
    throw problemOf(opened);
  }
  return {
    engine: opened.engine,
    async encode(shard, onDone) {
      onExamples = onDone;
      const said = await ask({ kind: 'shard', shard });
      if (said.kind === 'finished') return { examples: said.examples, wasThere: said.wasThere };
      throw problemOf(said);
    },
    stop: () => {
      if (child.connected) child.send({ kind: 'stop' } satisfies ToWorker, () => undefined);
    },
    close,
  };
}

function problemOf(said: FromWorker): Error {
  if (said.kind === 'interrupted') return new Interrupted('stopped by its signal');
  if (said.kind !== 'failed') return new WorkerDied(`its process said '${said.kind}'`);
  const { name, reason, fields } = said;
  if (fields === undefined) return new Error(reason);
  const { where, argument, rule, got, fix } = fields;
  return new (name === 'OptionError' ? OptionError : CheckpointError)(where, argument, rule, phrase(got), fix);
}
