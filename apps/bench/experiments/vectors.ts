import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeNpyHeader } from '@vqkit/checkpoint';
import { createRng } from '@vqkit/core-tensor';
import { runToEnd } from '../src/child.ts';
import type { Experiment, Outcome, Verdict } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
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
const PEERS = { [PLAIN]: 'rq', 'faiss, residual, beam of 5': 'rq-beam5', 'faiss, product': 'pq' } as const;

interface Row {
  readonly name: string;
  readonly threads: number;
  /** Undefined where the peer is not there. */
  readonly times: VectorTimes | undefined;
}

export const vectors: Experiment = {
  name: 'vectors',
  question: 'Is a residual VQ fitted here as good and as fast as that of faiss?',
  method: `${ROWS.toLocaleString('en-US')} × ${DIM} float32 in 32,000 made-up clusters (2,000 of 16 each); ${CODEBOOKS} codebooks of 256 codes, 64 bits a row. vqkit on the wasm engine: k-means on ${SAMPLE.toLocaleString('en-US')} rows, then
${PASSES} passes of moving averages. faiss with its defaults. Each fit is a process of its own, done once; encoding is the minimum of ${REPETITIONS} repetitions after one. Times are of all processors together on one
thread, which a loaded machine changes little, and of the wall on two.`,
  expected: 'An error not above that of faiss without beam, training no slower, encoding 1.5 times as fast.',
  parts: () => 2 * (1 + Object.keys(PEERS).length),

  async run({ part, quick, python = 'python3', log }): Promise<Outcome> {
    const rows = quick ? QUICK_ROWS : ROWS;
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    const path = join(folder, 'clusters.npy');
    const hasFaiss = await promisify(execFile)(python, ['-c', 'import faiss']).then(
      () => true,
      () => false,
    );
    if (!hasFaiss) log(`faiss is not measured: ${python} has none. pip install faiss-cpu, and pass --python.`);
    try {
      await writeFile(path, clusters(rows));
      const found: Row[] = [];
      for (const threads of [1, 2]) {
        const settings = { rows, codebooks: CODEBOOKS, threads, repetitions: quick ? 1 : REPETITIONS };
        const task: VectorTask = { ...settings, path, sample: SAMPLE, passes: PASSES };
        const own = { ...settings, sample: SAMPLE, passes: PASSES };
        const worker = join(PACKAGE_FOLDER, 'dist/src/vectors/worker.js');
        const times = await part(`${OWN}, ${threads}`, own, () => timesOf(process.execPath, [worker], task));
        found.push({ name: OWN, threads, times });
        for (const [name, method] of Object.entries(PEERS)) {
          const script = join(PACKAGE_FOLDER, 'peers/faiss_vectors.py');
          const peer = () => timesOf(python, [script, method], task);
          const times = hasFaiss ? await part(`${name}, ${threads}`, settings, peer) : undefined;
          found.push({ name, threads, times });
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

/** An .npy file: centres of variance 1, in each 16 of variance 0.25, around them noise of variance 0.25. */
function clusters(rows: number): Uint8Array {
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
  return Buffer.concat([encodeNpyHeader('F32', [rows, DIM]), new Uint8Array(values.buffer)]);
}

function outcomeOf(rows: readonly Row[]): Outcome {
  const best = ({ times, threads }: Row): number | null =>
    times === undefined ? null : Math.min(...times.encode.map((spent) => spent[clock(threads)]));
  const timesAt = (name: string): VectorTimes | undefined =>
    rows.find((row) => row.name === name && row.threads === 1)?.times;
  const [own, plain] = [timesAt(OWN), timesAt(PLAIN)];
  const ratio = (of: (times: VectorTimes) => number): number =>
    own === undefined || plain === undefined ? Number.NaN : of(own) / of(plain);
  const error = ratio((times) => times.error);
  const train = ratio((times) => times.train.processor);
  const encode = ratio((times) => Math.min(...times.encode.map(({ processor }) => processor)));
  const verdict = (claim: string, value: number, most: number): Verdict => ({
    claim,
    expected: `at most ${numberText(most)} of faiss without beam`,
    measured: Number.isNaN(value) ? 'not measured' : numberText(value),
    verdict: Number.isNaN(value) ? 'undecided' : value <= most ? 'reproduced' : 'not reproduced',
    remark: 'One thread.',
  });
  return {
    tables: [
      {
        title: `${CODEBOOKS} codebooks of 256 codes`,
        columns: ['quantizer', 'threads', 'error / variance', 'training, s', 'encoding, s'],
        rows: rows.map((row) => [
          row.name,
          row.threads,
          row.times?.error ?? null,
          row.times === undefined ? null : row.times.train[clock(row.threads)] / 1000,
          row.times === undefined ? null : (best(row) as number) / 1000,
        ]),
      },
    ],
    plots: [],
    verdicts: [
      verdict('The error is not above that of faiss.', error, 1),
      verdict('Training is no slower.', train, 1),
      verdict('Encoding is 1.5 times as fast.', encode, 1 / 1.5),
    ],
    answer: Number.isNaN(error)
      ? 'faiss was not measured.'
      : `On one thread the error is ${numberText(error)} of that of faiss without beam, training takes ${numberText(train)} of its time, encoding ${numberText(encode)}.`,
    measurements: rows.flatMap(({ name, threads, times }) =>
      times === undefined
        ? []
        : [
            {
              name: `${name}, encode, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
              unit: 'ms',
              better: 'lower' as const,
              samples: times.encode.map((spent) => spent[clock(threads)]),
            },
          ],
    ),
  };
}

function clock(threads: number): 'processor' | 'wall' {
  return threads === 1 ? 'processor' : 'wall';
}
