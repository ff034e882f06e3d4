import { availableParallelism } from 'node:os';
import { phrase, UnsupportedError } from '@vqkit/core-tensor/errors';
import { counted } from '@vqkit/schema';
import { Command, InvalidArgumentError } from 'commander';
import { EXIT } from '../errors.ts';
import { createImageProgress } from '../image-progress.ts';
import { stopOnSignals } from '../signals.ts';

/** What is called of @vqkit/queue, which is installed apart. */
interface QueueModule {
  fillQueue(
    folder: string,
    options: QueueFlags,
  ): Promise<{ readonly put: number; readonly complete: number; readonly shards: number }>;
  workQueue(
    options: QueueFlags & {
      readonly workers?: number | undefined;
      readonly folder?: string | undefined;
      readonly paths?: readonly string[] | undefined;
      readonly stay?: boolean | undefined;
      readonly lockSeconds?: number | undefined;
      readonly engine?: string | undefined;
      readonly threads?: number | undefined;
    },
    hooks: {
      onShard(shard: number, wasThere: boolean): void;
      onWarning(message: string): void;
      readonly signal: AbortSignal;
    },
  ): Promise<{ readonly done: number; readonly failed: number }>;
  queueState(options: QueueFlags): Promise<{
    readonly waiting: number;
    readonly active: number;
    readonly delayed: number;
    readonly completed: number;
    readonly shardsPerMinute: number;
    readonly failed: readonly {
      readonly folder: string;
      readonly shard: number;
      readonly reason: string;
      readonly tries: number;
    }[];
  }>;
}

interface QueueFlags {
  readonly redis: string;
  readonly queue?: string | undefined;
}

/** By a name that the compiler does not follow: most users have none of it. */
const PACKAGE = '@vqkit/queue';

async function load(): Promise<QueueModule> {
  try {
    return (await import(PACKAGE)) as QueueModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const fix = `Run: npm install ${PACKAGE}`;
    throw new UnsupportedError('queue', PACKAGE, 'be installed', phrase('no such package'), fix, { cause: error });
  }
}

const EXAMPLES = `
  vqkit encode photos.safetensors photos --out ids --shards 1000 --plan
  vqkit queue fill ids --redis redis://host:6379
  vqkit queue work --redis redis://host:6379 --workers auto   (on any number of machines)
  vqkit queue status --redis redis://host:6379
  vqkit merge ids

The folder and the data are on a disk that all machines see. It all comes with: npm install ${PACKAGE}
`;

export function command(finish: (code: number) => void): Command {
  const made = new Command('queue')
    .description('Encodes the shards of a folder by a queue on a Redis server, for machines that come and go.')
    .addHelpText('after', EXAMPLES);
  const inner = (name: string, description: string): Command =>
    made
      .command(name)
      .description(description)
      .requiredOption('--redis <address>', 'The server, such as redis://:password@host:6379.')
      .option('--queue <name>', 'The queue. Default vqkit-shards.');
  inner('fill', 'Puts the shards that are not complete on the queue.')
    .argument('<folder>', 'a folder of `vqkit encode --shards N --plan`')
    .action(async (folder: string, flags: QueueFlags) => {
      const { put, complete, shards } = await (await load()).fillQueue(folder, flags);
      process.stdout.write(
        `${counted(put, 'shard')} of ${shards} put on the queue, ${complete} complete, ${shards - put - complete} there already\n`,
      );
    });
  inner('work', 'Encodes shards until the queue is empty. Ctrl-C gives those in hand back.')
    .option('--workers <auto|integer>', 'Processes at the same time. Default 1.', workersOf)
    .option('--folder <path>', 'Where this machine sees the folder, if elsewhere than the one that filled the queue.')
    .option('--data <paths...>', 'Where this machine sees the data, if elsewhere.')
    .option('--engine <name>', 'The engine, as of vqkit encode.')
    .option('--threads <integer>', 'Threads of each process. Default 1.', (text) => integerOf(text))
    .option(
      '--lock-seconds <integer>',
      'Seconds until another worker takes the shard of one that has died. Default 30.',
      (text) => integerOf(text),
    )
    .option('--stay', 'Waits for more when the queue is empty.')
    .action(async ({ data, ...flags }: QueueFlags & { data?: string[] }) => {
      const { workQueue } = await load();
      const notes = createImageProgress(process.stderr);
      const stop = stopOnSignals('batch');
      try {
        const { done, failed } = await workQueue(
          { ...flags, paths: data },
          {
            onShard: (shard, wasThere) => notes.note(`shard ${shard}${wasThere ? ' was there already' : ''}`),
            onWarning: (message) => notes.note(`warning: ${message}`),
            signal: stop.signal,
          },
        );
        process.stdout.write(`${counted(done, 'shard')} done, ${failed} failed\n`);
        if (stop.signal.aborted) finish(stop.exitCode());
        else if (failed > 0) finish(EXIT.failed);
      } finally {
        stop.release();
      }
    });
  inner('status', 'Says what waits, what runs, how fast, and what failed and why.').action(
    async (flags: QueueFlags) => {
      const { waiting, active, delayed, completed, failed, shardsPerMinute } = await (await load()).queueState(flags);
      const left = waiting + active + delayed;
      const rate = shardsPerMinute === 0 ? '' : `, ${shardsPerMinute.toFixed(1)} shards per minute`;
      const time = shardsPerMinute === 0 || left === 0 ? '' : `, ${(left / shardsPerMinute).toFixed(1)} minutes left`;
      const lines = [
        `${waiting} waiting, ${active} active, ${delayed} to be tried again, ${completed} completed, ${failed.length} failed${rate}${time}`,
        ...failed.map(
          ({ folder, shard, reason, tries }) => `failed: shard ${shard} of ${folder} (${tries} tries): ${reason}`,
        ),
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    },
  );
  return made;
}

function workersOf(text: string): number {
  return text === 'auto' ? availableParallelism() : integerOf(text);
}

function integerOf(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be an integer >= 1. Write for example 4.');
}
