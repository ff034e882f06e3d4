import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { init } from '@vqkit/backend-node';
import { createRng } from '@vqkit/core-tensor';
import { createImageTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import sharp from 'sharp';
import { runToEnd } from '../src/child.ts';
import type { Experiment, Outcome, Verdict } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { once } from '../src/once.ts';
import { summary } from '../src/order-statistics.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import type { WorkersRate, WorkersTask } from '../src/workers/task.ts';

const PICTURES = 1536;
const QUICK_PICTURES = 64;
const SIDE = 256;
const TURNS = 4;
const SHARDS = 16;
const BATCH = 16;
const WIDTHS = [8, 16, 32, 64];

const ONE = 'vqkit, one worker on one core';
const FREE = 'vqkit, one worker';
const ALL = 'vqkit, a worker per core';
const LOADER_ONE = 'torch, no loader process, on one core';
const LOADER = 'torch, DataLoader with a process per core';

interface Row {
  readonly name: string;
  /** Of each turn; empty where it was not measured. */
  readonly rates: readonly WorkersRate[];
}

export const workers: Experiment = {
  name: 'workers',
  question: 'Does encoding pictures by a worker per core give as many times the throughput of one as there are cores?',
  method: `${PICTURES.toLocaleString('en-US')} JPEGs of ${SIDE} px from the disk through a small \`conv\` of widths ${WIDTHS.join(', ')} with FSQ [8, 5, 5, 5], into ${SHARDS} shards in batches of ${BATCH}, as \`vqkit encode --workers\` does; wasm, one thread per worker. Beside it a
DataLoader of PyTorch that decodes with Pillow, and the tokenizer's twin with the same weights. "On one core" is by taskset: a worker decodes on threads of its own beside its engine, so that one alone takes more than a core. All in turns,
${TURNS} times; pictures per second from a tenth of the pictures to nine tenths, medians.`,
  expected: 'At least 0.9 of cores × one worker on one core, and more than torch.',
  parts: ({ quick }) => 2 + (quick ? 1 : TURNS) * 5,

  async run({ part, quick, python = 'python3', cores, log }): Promise<Outcome> {
    const pictures = quick ? QUICK_PICTURES : PICTURES;
    const turns = quick ? 1 : TURNS;
    const there = (command: string, args: readonly string[]): Promise<boolean> =>
      promisify(execFile)(command, args).then(
        () => true,
        () => false,
      );
    const hasTorch = await part('whether torch is there', {}, () =>
      there(python, ['-c', 'import torch, PIL, safetensors']),
    );
    if (!hasTorch) log(`torch is not measured: ${python} lacks torch, pillow or safetensors. Pass --python.`);
    const { count, canPin } = await part('cores, and whether one can be taken', {}, async () => ({
      count: cores,
      canPin: await there('taskset', ['-c', '0', 'true']),
    }));
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    const made = once(() => makeAll(folder, pictures));
    const own = { pictures, shards: SHARDS, batchSize: BATCH, widths: WIDTHS };
    const rows = [ONE, FREE, ALL, LOADER_ONE, LOADER].map((name) => ({ name, rates: [] as WorkersRate[] }));
    try {
      for (let turn = 1; turn <= turns; turn++) {
        for (const { name, rates } of rows) {
          const isTorch = name.startsWith('torch');
          const isPinned = name === ONE || name === LOADER_ONE;
          if ((isTorch && !hasTorch) || (isPinned && !canPin)) continue;
          const rate = await part(`${name}, turn ${turn}`, own, async () => {
            await made();
            const out = join(folder, 'ids');
            const number = name === ALL || name === LOADER ? count : name === LOADER_ONE ? 0 : 1;
            const task: WorkersTask & { threads: number } = {
              pictures: join(folder, 'pictures'),
              tokenizer: join(folder, 'tokenizer.safetensors'),
              out,
              workers: number,
              threads: isPinned ? 1 : count,
              shards: Math.min(SHARDS, pictures),
              batchSize: BATCH,
            };
            // Torch compares its ids with the shards that are there.
            if (!isTorch) await rm(out, { recursive: true, force: true });
            const program = isTorch ? 'peers/loader.py' : 'dist/src/workers/worker.js';
            const line = [isTorch ? python : process.execPath, join(PACKAGE_FOLDER, program), JSON.stringify(task)];
            const [command = '', ...args] = isPinned ? ['taskset', '-c', '0', ...line] : line;
            const output = await runToEnd(command, args);
            return JSON.parse((/^@workers (.*)$/m.exec(output) ?? [])[1] ?? '') as WorkersRate;
          });
          rates.push(rate);
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return outcomeOf(rows, count);
  },
};

/** Pictures of smooth noise, and a tokenizer of random weights. */
async function makeAll(folder: string, pictures: number): Promise<void> {
  await mkdir(join(folder, 'pictures'));
  const rng = createRng(1);
  const small = SIDE / 8;
  for (let n = 0; n < pictures; n++) {
    const pixels = Uint8Array.from({ length: small * small * 3 }, () => rng.integer(256));
    const picture = sharp(pixels, { raw: { width: small, height: small, channels: 3 } }).resize(SIDE, SIDE);
    await picture.jpeg({ quality: 90 }).toFile(join(folder, 'pictures', `${String(n).padStart(6, '0')}.jpg`));
  }
  await init({ prefer: 'cpu' });
  const tokenizer = createImageTokenizer({
    quantizer: 'fsq',
    quantizerOptions: { levels: [8, 5, 5, 5] },
    channels: 3,
    widths: WIDTHS,
    imageSize: [SIDE, SIDE],
    seed: 1,
  });
  await writeFile(join(folder, 'tokenizer.safetensors'), await saveTokenizer(tokenizer));
  tokenizer.dispose();
}

function outcomeOf(rows: readonly Row[], cores: number): Outcome {
  const rateOf = (name: string): number => {
    const rates = rows.find((row) => row.name === name)?.rates ?? [];
    return rates.length === 0 ? Number.NaN : summary(rates.map(({ perSecond }) => perSecond)).median;
  };
  const share = rateOf(ALL) / (cores * rateOf(ONE));
  const beside = rateOf(ALL) / rateOf(LOADER);
  const verdict = (claim: string, expected: string, value: number, least: number): Verdict => ({
    claim,
    expected,
    measured: Number.isNaN(value) ? 'not measured' : numberText(value),
    verdict: Number.isNaN(value) ? 'undecided' : value >= least ? 'reproduced' : 'not reproduced',
    remark: `${cores} cores; medians of the turns.`,
  });
  const same = rows.flatMap(({ rates }) => rates.flatMap((rate) => rate.same ?? []))[0];
  return {
    tables: [
      {
        title: 'Pictures per second',
        columns: ['what', 'median', 'lowest', 'highest'],
        rows: rows.map(({ name, rates }) => {
          const all = rates.map(({ perSecond }) => perSecond);
          return all.length === 0
            ? [name, null, null, null]
            : [name, summary(all).median, Math.min(...all), Math.max(...all)];
        }),
      },
    ],
    plots: [],
    verdicts: [
      verdict('a worker per core gives cores × one worker', 'at least 0.9', share, 0.9),
      verdict('it is faster than a DataLoader and the twin in torch', 'at least 1', beside, 1),
    ],
    answer: [
      Number.isNaN(share)
        ? '**Not measured on one core.** '
        : `**${cores} workers on ${cores} cores encode ${numberText(share)} of ${cores} times the pictures of one on one core.** `,
      `${numberText(rateOf(ALL))} pictures per second`,
      Number.isNaN(share) ? '' : ` for ${numberText(rateOf(ONE))}`,
      Number.isNaN(beside)
        ? '. torch was not measured.'
        : `; a DataLoader of as many processes with the twin in torch ${numberText(rateOf(LOADER))}`,
      same === undefined ? '' : `, with ${numberText(100 * same)} % of the ids the same.`,
    ].join(''),
    measurements: rows.flatMap(({ name, rates }) =>
      rates.length === 0
        ? []
        : [{ name, unit: 'pictures/s', better: 'higher' as const, samples: rates.map(({ perSecond }) => perSecond) }],
    ),
  };
}
