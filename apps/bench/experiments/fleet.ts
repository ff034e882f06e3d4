import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderStore, planShards, readManifest, writeManifest } from '@vqkit/tokens';
import { runToEnd, tieToThisProcess } from '../src/child.ts';
import type { Experiment, Outcome } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { ROOT } from '../src/paths.ts';

const WORKERS = 1000;
/** What a shard takes, and how many are on the queue: some seconds of work each. */
const SLEEPS = [
  { seconds: 1, jobs: 8000 },
  { seconds: 0.2, jobs: 30_000 },
  { seconds: 0.05, jobs: 40_000 },
] as const;
const QUICK = { workers: 20, jobs: 100 };
const EXAMPLES = 10_000_000;
const SHARDS = 10_000;

/** What bench/fleet.mjs of @vqkit/queue prints. */
interface Fleet {
  readonly perSecond: number;
  readonly ideal: number;
  readonly distinct: number;
  readonly done: number;
}

/** What the planner's part takes, in milliseconds. */
interface Planning {
  readonly plan: number;
  readonly read: number;
  readonly megabytes: number;
}

export const fleet: Experiment = {
  name: 'fleet',
  question: 'Where does a queue of shards saturate, with a thousand workers on it?',
  method: `${WORKERS.toLocaleString('en-US')} workers of BullMQ in one process, whose work is a sleep, on one redis-server that keeps an append-only file, all on this machine (\`packages/queue/bench/fleet.mjs\`): shards per second once every worker has done one, to the last,
beside what the sleep allows. And the planner: ${EXAMPLES.toLocaleString('en-US')} examples in ${SHARDS.toLocaleString('en-US')} shards are divided and written, and the manifest read again, as every worker does.`,
  expected: 'Thousands of shards per second, so that a thousand workers wait for nothing whose shards take a second.',
  parts: () => SLEEPS.length + 1,

  async run({ part, quick, log }): Promise<Outcome> {
    const found: { readonly seconds: number; readonly fleet: Fleet | undefined }[] = [];
    for (const { seconds, jobs } of SLEEPS) {
      const size = quick ? QUICK : { workers: WORKERS, jobs };
      const measured = await part(`shards of ${seconds} s`, { seconds, ...size }, () =>
        withRedis((address) => run(address, seconds, size)),
      );
      if (measured === null)
        log('The queue is not measured: install redis-server, and @vqkit/queue, which the workspace has.');
      found.push({ seconds, fleet: measured ?? undefined });
    }
    const planning = await part('planning', { examples: EXAMPLES, shards: SHARDS }, plan);
    return outcomeOf(found, planning, quick ? QUICK.workers : WORKERS);
  },
};

async function run(
  address: string,
  seconds: number,
  { workers, jobs }: { workers: number; jobs: number },
): Promise<Fleet> {
  const program = join(ROOT, 'packages/queue/bench/fleet.mjs');
  const flags = { redis: address, workers, seconds, jobs };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const output = await runToEnd(process.execPath, [program, ...args]);
  const { perSecond, ideal, distinct, done } = JSON.parse(/^\{.*\}$/m.exec(output)?.[0] ?? '') as Fleet;
  return { perSecond, ideal, distinct, done };
}

/** With a server of its own; null where there is none. */
async function withRedis<T>(work: (address: string) => Promise<T>): Promise<T | null> {
  const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  await new Promise((done) => listener.close(done));
  const args = ['--port', `${port}`, '--dir', folder, '--appendonly', 'yes', '--save', ''];
  const server: ChildProcess = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  tieToThisProcess(server);
  try {
    const isReady = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.once('exit', () => resolve(false));
      server.stdout?.on('data', (text: Buffer) => {
        if (/Ready to accept/.test(String(text))) resolve(true);
      });
    });
    return isReady ? await work(`redis://127.0.0.1:${port}`) : null;
  } finally {
    server.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

async function plan(): Promise<Planning> {
  const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  try {
    const store = folderStore(folder);
    const began = performance.now();
    const manifest = planShards(
      {
        vqkit: '0.0.0',
        tokenizer: { sha256: 'ab'.repeat(32), config: {} },
        codebookSize: 1024,
        numCodebooks: 1,
        tokenShape: [16, 16],
        exampleShape: [256, 256, 3],
        source: { options: {}, order: 'by path', sha256: 'cd'.repeat(32), paths: [] },
        keys: 'row numbers',
        examples: EXAMPLES,
        batchSize: 256,
        format: 'npy',
        packed: false,
      },
      SHARDS,
    );
    await writeManifest(store, manifest);
    const planned = performance.now();
    await readManifest('bench', store);
    const bytes = (await store.read('manifest.json'))?.length ?? 0;
    return { plan: planned - began, read: performance.now() - planned, megabytes: bytes / 1e6 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function outcomeOf(
  found: readonly { readonly seconds: number; readonly fleet: Fleet | undefined }[],
  planning: Planning,
  workers: number,
): Outcome {
  const most = Math.max(...found.map((each) => each.fleet?.perSecond ?? Number.NaN));
  const first = found[0]?.fleet;
  const share = first === undefined ? Number.NaN : first.perSecond / first.ideal;
  const isMeasured = !Number.isNaN(most);
  return {
    tables: [
      {
        title: `${workers.toLocaleString('en-US')} workers`,
        columns: ['seconds per shard', 'shards per second', 'what the sleep allows', 'shards done once, of'],
        rows: found.map(({ seconds, fleet: it }) => [
          seconds,
          it?.perSecond ?? null,
          it?.ideal ?? null,
          it === undefined ? null : `${it.distinct} of ${it.done}`,
        ]),
      },
      {
        title: `The plan of ${EXAMPLES.toLocaleString('en-US')} examples in ${SHARDS.toLocaleString('en-US')} shards`,
        columns: ['divided and written, ms', 'read again, ms', 'manifest, MB'],
        rows: [[planning.plan, planning.read, planning.megabytes]],
      },
    ],
    plots: [],
    verdicts: [
      {
        claim: 'a thousand workers whose shards take a second wait for nothing',
        expected: 'at least 0.95 of what the sleep allows',
        measured: isMeasured ? numberText(share) : 'not measured',
        verdict: !isMeasured ? 'undecided' : share >= 0.95 ? 'reproduced' : 'not reproduced',
        remark: 'Server and workers share the cores of one machine.',
      },
    ],
    answer: isMeasured
      ? `**At about ${numberText(most)} shards a second.** A fleet asks for workers ÷ seconds per shard, so that shards of 10 seconds feed some ${numberText(10 * most)} workers from one server. Beyond that:

1. Make shards larger. The queue carries one job per shard whatever is in it; a worker needs the memory of a batch and of the shard's ids alone.
2. Use more servers. Shards know nothing of one another and are complete by a renamed file, so that a corpus may be cut into several folders with a queue each (\`vqkit queue fill DIR --redis …\`), and \`--queue\` names several on one server.
3. Use no queue. \`vqkit encode --shard\` takes its number from a Kubernetes Indexed Job or a Slurm array (deploy/), and needs the shared folder only.

All of them meet in the folder too: a shard is two renamed files there, and whoever looks at all shards reads as many records. A worker of the queue reads the manifest once per shard: ${numberText(planning.megabytes)} MB and ${numberText(planning.read)} ms for ${SHARDS.toLocaleString('en-US')} shards.`
      : 'The queue was not measured: there was no redis-server.',
  };
}
