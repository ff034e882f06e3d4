import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Experiment, ExperimentContext, Outcome, Table } from '../src/experiment.ts';
import { CONTENDER_TITLES, type ContenderName, startContender } from '../src/kernels/contender.ts';
import { type Floor, tokenSteps } from '../src/kernels/floors.ts';
import { withInputs } from '../src/kernels/inputs.ts';
import type { Limits } from '../src/kernels/limits.ts';
import { keptTimes, leastOf, type Measured, measure } from '../src/kernels/measure.ts';
import { waitForQuiet } from '../src/kernels/quiet.ts';
import { ROWS, type Row } from '../src/kernels/rows.ts';
import { answerOf, floorTable, goalTable, goalVerdicts, limitTable, type RowResult } from '../src/kernels/summary.ts';
import { leastWork, smaller, type Work } from '../src/kernels/work.ts';

/** How long is measured. */
const FULL = { rounds: 7, budgetMs: 6000, leastRepetitions: 7, warmUpMs: 500, patienceMs: 10_000 };
const QUICK = { rounds: 2, budgetMs: 400, leastRepetitions: 4, warmUpMs: 200, patienceMs: 1000 };
const QUICK_DIVISOR = 8;

/** Who encodes, who trains, and who uses more than one thread. */
const ENCODERS: readonly ContenderName[] = [
  'vqkit',
  'native',
  'webgpu',
  'codec',
  'chain',
  'composed',
  'onnx',
  'jax',
  'torch',
];
const TRAINERS: readonly ContenderName[] = ['vqkit', 'native', 'composed', 'torch'];
/** Who has residual stacks. */
const RESIDUAL: readonly ContenderName[] = ['vqkit', 'native', 'webgpu', 'composed', 'torch'];
/** Multiplications and additions beyond which the slow ways to the nearest code would take minutes for their repetitions. */
const SLOW_WAYS_LIMIT = 2 ** 34;
const SLOW_WAYS: readonly ContenderName[] = ['codec', 'composed', 'webgpu'];
const THREADED: readonly ContenderName[] = ['vqkit', 'native', 'onnx', 'torch'];

export const kernels: Experiment = {
  name: 'kernels',
  question: 'How fast is vqkit on WebAssembly against PyTorch, onnxruntime and plain TensorFlow.js on the same CPU?',
  method: `Every contender does the same work on the same input in a process of its own. All have prepared and run for half a second
before the first turn, because compilers of JavaScript and WebAssembly take that long; then they take turns, so that whatever else the machine
does meets all alike. A turn begins when the machine is idle (threads spin for a while after a parallel section), and its first 30
milliseconds are not counted, in which caches fill and the system spreads threads over the cores. So each is measured as it runs when it is
alone. glibc's allocator has in every process the bounds that it sets itself once 32 MiB were freed: before, a call of PyTorch gives memory
back to the system or keeps it, by chance, and takes up to three times as long. Times are the minimum of at least 7 repetitions. One thread
stands against one thread, all cores against all cores. A whole training, with PyTorch's allocator both ways: [recipe-speed](recipe-speed.md). The contenders:

- **vqkit, wasm**: a quantizer of vqkit on \`@vqkit/backend-wasm\`. **codec**: the same on typed arrays, without TensorFlow.js.
- **vqkit, native**: the same quantizer on native TensorFlow, which is other people's kernels but for a few. **vqkit, webgpu**: on WebGPU, encoding
  only, reading the ids back included. On a software rasteriser ids are compared and no time is claimed.
- **textbook tfjs**: the formulas of the paper in operations of TensorFlow.js on its own wasm engine, as one would write them.
- **composed tfjs**: the quantizer of vqkit with each kernel as its reference on tfjs's own wasm kernels: exact, and without N × K
  matrices, but not fused. TensorFlow.js has no threads in Node.
- **vector-quantize-pytorch**: its public calls: \`quantizer(z)\` in eval mode without gradients, or in training with the gradients of
  codes and loss to input and weights. SimVQ has the same codebook and transform in both.
- **onnxruntime-node**: a graph of the same formulas, which holds the codebook; the nearest code in chunks of 256 tokens.
- **jax-js**: the same formulas compiled by its \`jit\` to WebAssembly, one thread in Node; the nearest code in chunks of 1,024 tokens.

Codec and composition are left out ("not measured") where their repetitions would take minutes; none but vqkit and the reference library
encodes with a residual stack.

Memory is the peak of the whole process, runtime and libraries included. The limit of a work is the time in which this machine copies
its bytes, or does its multiplications and additions in WebAssembly's 128-bit registers, whichever is longer; both are measured in the
same run, for float32 and for the 16-bit integers in which vqkit's search for the nearest code does nearly all of its work.

The floor of a work that treats every token by itself is measured in the same run: WebAssembly that reads the input, merges it and
writes as many bytes as the result has, and the same with one comparison and one addition for every threshold, from registers. With several
threads it is that of one thread with its share of the tokens, so that no thread ever waits. The floor of moving holds for any method in
128-bit vectors, that of comparing for those that find a level by comparing.`,
  expected: `At least the ratios of the goals: 50 to 60 times in encoding with FSQ and LFQ, 15 to 200 times in LFQ's entropy loss, growing
with d, because nothing of size N × 2^d is made; a little faster in the nearest code, which is a product of matrices that PyTorch does with
512-bit registers.`,

  parts: ({ quick, cores }) => 1 + rowsOf(quick).length * threadsOf(cores).length,

  async run(context): Promise<Outcome> {
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    try {
      const limits = await measureBounds(context);
      const results: RowResult[] = [];
      for (const row of rowsOf(context.quick)) {
        for (const threads of threadsOf(context.cores)) {
          const measured = await measureRow(context, row, threads, folder);
          results.push({ row, threads, measured, floor: limits.floors[floorKey(row, threads)] });
        }
      }
      return outcomeOf(results, limits, context);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** What this machine can do at best, with the floors of the rows by {@link floorKey}. */
interface Bounds extends Limits {
  readonly floors: Readonly<Record<string, Floor>>;
}

const floorKey = ({ title }: Row, threads: number): string => `${title}, ${threads}`;

function measureBounds({ part, quick, cores }: ExperimentContext): Promise<Bounds> {
  const floored = rowsOf(quick).flatMap((row) => {
    const steps = tokenSteps(row.work);
    if (steps === undefined) return [];
    const { n } = row.work;
    return threadsOf(cores).map((threads) => ({ key: floorKey(row, threads), steps, n: Math.ceil(n / threads) }));
  });
  return part('limits of this machine', { floored }, async () => {
    const contender = startContender('vqkit', { python: undefined, threads: 1 });
    try {
      await waitForQuiet((quick ? QUICK : FULL).patienceMs);
      const limits = await contender.ask<Limits>({ do: 'limits' });
      const floors: Record<string, Floor> = {};
      for (const { key, steps, n } of floored) floors[key] = await contender.ask<Floor>({ do: 'floor', steps, n });
      return { ...limits, floors };
    } finally {
      contender.stop();
    }
  });
}

function rowsOf(quick: boolean): readonly Row[] {
  if (!quick) return ROWS;
  return ROWS.filter((row) => row.quick === true).map((row) => {
    const work = smaller(row.work, QUICK_DIVISOR);
    const sizes = 'n' in work ? ` (quick: N=${work.n}${'codes' in work ? `, K=${work.codes}` : ''})` : '';
    return { ...row, title: `${row.title}${sizes}`, work };
  });
}

function threadsOf(cores: number): readonly number[] {
  return cores === 1 ? [1] : [1, cores];
}

function contendersOf(
  { work, withoutTorch }: Row,
  threads: number,
  python: string | undefined,
): readonly ContenderName[] {
  const able = work.op === 'encode' ? ENCODERS : TRAINERS;
  return able.filter(
    (name) =>
      (threads === 1 || THREADED.includes(name)) &&
      (name !== 'torch' || (python !== undefined && withoutTorch === undefined)) &&
      (!('depth' in work) || RESIDUAL.includes(name)) &&
      (!SLOW_WAYS.includes(name) || (leastWork(work)?.int16 ?? 0) < SLOW_WAYS_LIMIT),
  );
}

function measureRow(
  { part, python, quick, progress, log }: ExperimentContext,
  row: Row,
  threads: number,
  folder: string,
): Promise<readonly Measured[]> {
  const contenders = contendersOf(row, threads, python);
  const settings = { work: row.work, threads, contenders, ...(quick ? QUICK : FULL) };
  return part(`${row.title}, ${threads} thread${threads === 1 ? '' : 's'}`, settings, async (raw) => {
    const work: Work = await withInputs(row.work, folder);
    const measured = await measure(work, { ...settings, python, folder, onProgress: progress });
    for (const { contender, timesMs, note, untimed } of measured) {
      if (timesMs.length === 0 && untimed === undefined) log(`${CONTENDER_TITLES[contender]} could not: ${note}`);
    }
    raw(measured);
    return keptTimes(measured);
  });
}

function outcomeOf(results: readonly RowResult[], limits: Limits, { python, cores }: ExperimentContext): Outcome {
  const single = results.filter(({ threads }) => threads === 1);
  const all = results.filter(({ threads }) => threads === cores && cores > 1);
  const ofKind = (of: readonly RowResult[], op: Work['op']): readonly RowResult[] =>
    of.filter(({ row }) => row.work.op === op);
  type Cell = (measured: Measured | undefined) => string | number | null;
  const least: Cell = (measured) => measured?.untimed ?? leastOf(measured) ?? null;
  const table = (title: string, of: readonly RowResult[], names: readonly ContenderName[], cell: Cell): Table => ({
    title,
    columns: ['work', ...names.map((name) => CONTENDER_TITLES[name])],
    rows: of.map(({ row, measured }) => [
      row.title,
      ...names.map((name) => cell(measured.find(({ contender }) => contender === name))),
    ]),
  });
  const tables: Table[] = [
    goalTable(results),
    table('Encoding on one thread, milliseconds', ofKind(single, 'encode'), ENCODERS, least),
    table('A training step on one thread, milliseconds', ofKind(single, 'train'), TRAINERS, least),
    ...(all.length === 0 ? [] : [table(`${cores} threads, milliseconds`, all, THREADED, least)]),
    floorTable(results),
    limitTable(single, limits),
    table(
      'Peak memory of the whole process, one thread, MiB',
      single,
      THREADED,
      (measured) => measured?.peakMiB ?? null,
    ),
    table(
      "Ids that differ from vqkit's",
      // With a residual stack every contender has codes of its own.
      ofKind(single, 'encode').filter(({ row }) => !('depth' in row.work)),
      ENCODERS.filter((name) => name !== 'vqkit'),
      (measured) => measured?.idsThatDiffer ?? null,
    ),
    ...failureTable(results),
    ...busyTable(results),
  ];
  return {
    tables,
    plots: [],
    verdicts: goalVerdicts(results, python !== undefined),
    answer: answerOf(results, python !== undefined),
    measurements: results.flatMap(({ row, threads, measured }) =>
      measured
        .filter(({ timesMs }) => timesMs.length > 0)
        .map(({ contender, timesMs }) => ({
          name: `${row.title}, ${CONTENDER_TITLES[contender]}, ${threads} thread${threads === 1 ? '' : 's'}`,
          unit: 'ms',
          better: 'lower' as const,
          samples: timesMs,
        })),
    ),
  };
}

/** Who was asked and could not, in its own words. */
function failureTable(results: readonly RowResult[]): Table[] {
  const rows = results.flatMap(({ row, threads, measured }) =>
    measured
      .filter(({ timesMs, untimed }) => timesMs.length === 0 && untimed === undefined)
      .map(({ contender, note }) => [row.title, threads, CONTENDER_TITLES[contender], note]),
  );
  return rows.length === 0 ? [] : [{ title: 'Absent', columns: ['work', 'threads', 'who', 'why'], rows }];
}

/** Where the machine was not to be had alone. */
function busyTable(results: readonly RowResult[]): Table[] {
  const rows = results
    .map(({ row, threads, measured }) => [
      row.title,
      threads,
      measured.reduce((sum, { busyTurns }) => sum + busyTurns, 0),
    ])
    .filter(([, , turns]) => turns !== 0);
  return rows.length === 0
    ? []
    : [{ title: 'Turns that began on a busy machine', columns: ['work', 'threads', 'turns'], rows }];
}
