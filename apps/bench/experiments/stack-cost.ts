import { join } from 'node:path';
import { runToEnd } from '../src/child.ts';
import type { Experiment, Outcome } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import { STACKS, type StackName, type StackTask, type StackTimes } from '../src/stacks/task.ts';

const LAYERS = 8;
const TOKENS = 16_384;
const QUICK_TOKENS = 1024;
const REPETITIONS = 15;
/** Compilers of JavaScript and WebAssembly take hundreds of milliseconds to be done. */
const WARM_UP_MS = 500;
const ALLOWED = 1.1;

const TITLES: Record<StackName, string> = {
  vq: 'VQ, 1,024 codes of 128 features',
  simvq: 'SimVQ, 1,024 codes of 128 features',
  lfq: 'LFQ, 10 bits',
  fsq: 'FSQ [8, 5, 5, 5]',
};

interface Row {
  readonly title: string;
  readonly work: string;
  /** Minima, milliseconds. */
  readonly one: number;
  readonly stack: number;
  /** Of the stack to as many single layers. */
  readonly ratio: number;
  /** The stack's repetitions. */
  readonly samples: readonly number[];
}

export const stackCost: Experiment = {
  name: 'stack-cost',
  question: 'Does a residual stack of eight layers cost more than eight quantizers?',
  method: `${TOKENS.toLocaleString('en-US')} random normal tokens, one thread of the wasm engine. A stack of ${LAYERS} layers and a single layer of the
same kind take turns in one process, for each kind a process of its own: encode, quantize (inference), decode, and a training step with
all gradients; the result is read back. Minimum of ${REPETITIONS} repetitions after half a second of them.`,
  expected: `At most ${LAYERS} single quantizers and 10 %. Between the layers there is a subtraction and a sum, which is little beside a search for the nearest
code and much beside a comparison with thresholds: LFQ and FSQ need a kernel for all layers at once.`,
  parts: () => STACKS.length,

  async run({ part, quick }): Promise<Outcome> {
    const rows: Row[] = [];
    for (const stack of STACKS) {
      const tokens = quick ? QUICK_TOKENS : TOKENS;
      const task: StackTask = { stack, layers: LAYERS, tokens, warmUpMs: WARM_UP_MS, repetitions: REPETITIONS };
      const times = await part(TITLES[stack], { ...task }, () => timesOf(task));
      rows.push(...times.map((time) => rowOf(TITLES[stack], time)));
    }
    return outcomeOf(rows);
  },
};

async function timesOf(task: StackTask): Promise<StackTimes[]> {
  const worker = join(PACKAGE_FOLDER, 'dist/src/stacks/worker.js');
  const output = await runToEnd(process.execPath, [worker, JSON.stringify(task)]);
  return JSON.parse((/^@stack (.*)$/m.exec(output) ?? [])[1] ?? '') as StackTimes[];
}

function rowOf(title: string, { work, one, stack }: StackTimes): Row {
  const [single, whole] = [Math.min(...one), Math.min(...stack)];
  return { title, work, one: single, stack: whole, ratio: whole / (LAYERS * single), samples: stack };
}

function outcomeOf(rows: readonly Row[]): Outcome {
  const dearest = rows.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  const within = rows.filter(({ ratio }) => ratio <= ALLOWED).length;
  return {
    tables: [
      {
        title: `A stack of ${LAYERS} against one layer`,
        columns: ['layers', 'work', 'one layer, ms', 'stack, ms', `stack / (${LAYERS} · one)`],
        rows: rows.map(({ title, work, one, stack, ratio }) => [title, work, one, stack, Number(ratio.toPrecision(3))]),
      },
    ],
    plots: [],
    verdicts: [
      {
        claim: 'A stack of Q layers costs at most Q single quantizers and 10 %.',
        expected: `at most ${ALLOWED} in every row`,
        measured: `at most ${numberText(dearest.ratio)}: ${dearest.title}, ${dearest.work}`,
        verdict: dearest.ratio <= ALLOWED ? 'reproduced' : 'not reproduced',
        remark: `${within} of ${rows.length} rows.`,
      },
    ],
    answer: `**${dearest.ratio <= ALLOWED ? 'No.' : 'In some works it does.'}** Of ${rows.length} pairs of stack and work ${within} cost at most eight single layers and 10 %; the dearest is ${dearest.title}, ${dearest.work}, with
${numberText(dearest.ratio)} times eight single layers, the cheapest ${numberText(Math.min(...rows.map(({ ratio }) => ratio)))} times.`,
    measurements: rows.map(({ title, work, samples }) => ({
      name: `${title}, ${work}`,
      unit: 'ms',
      better: 'lower' as const,
      samples,
    })),
  };
}
