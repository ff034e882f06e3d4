import type { Data } from '../data/source.ts';
import type { Experiment, ExperimentContext, Outcome, Plot, Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { differenceOf, isLower } from '../seeds.ts';
import { type Cell, type CellTraining, trainCell } from '../training/cells.ts';
import { measurement, percent, type Spread, spreadOf, spreadText, testSpread, usedText } from '../training/summary.ts';
import type { KeptRun } from '../training/trace.ts';

/** Data of which a growing share is one and the same thing: silence, background. */
export interface StillSweep {
  readonly name: string;
  /** As the question says it. */
  readonly where: string;
  /** Sentences about the data. */
  readonly data: string;
  /** Shares of still tokens; undefined: as the data are. */
  readonly shares: readonly (number | undefined)[];
  source(context: ExperimentContext, share: number | undefined): Promise<{ source: Data; share: number }>;
}

const K = 1024;
const BATCH = 512;
const STEPS = 500;
const PLAIN = { learnableCodebook: true, rotationTrick: false, commitmentWeight: 0.25 } as const;
const SIMVQ: Cell = { name: 'SimVQ, Linear', quantizer: { method: 'simvq', options: { dim: 32, codebookSize: K } } };
const RESCUED: Cell = {
  name: 'VQ, EMA, k-means, revival',
  quantizer: {
    method: 'vq',
    options: {
      dim: 32,
      codebookSize: K,
      rotationTrick: false,
      kmeansInit: true,
      thresholdEmaDeadCode: (0.2 * BATCH) / K,
      resetClusterSize: BATCH / K,
    },
  },
};
const CELLS: readonly Cell[] = [
  SIMVQ,
  {
    name: 'SimVQ, Linear-ReLU-Linear',
    quantizer: {
      method: 'simvq',
      options: { dim: 32, codebookSize: K, codebookTransform: { hidden: [128], activation: 'relu' } },
    },
  },
  { name: 'plain VQ', quantizer: { method: 'vq', options: { dim: 32, codebookSize: K, ...PLAIN } } },
  RESCUED,
  { name: 'FSQ', quantizer: { method: 'fsq', options: { levels: [8, 5, 5, 5] } } },
  {
    name: 'LFQ, spherical',
    quantizer: { method: 'lfq', options: { codebookSize: K, spherical: true, entropyLossWeight: 0.1 } },
  },
];

/** Does a quantizer keep its codes for what is worth coding when most tokens are one and the same? */
export function stillExperiment(sweep: StillSweep): Experiment {
  return {
    name: sweep.name,
    question: `Which quantizers keep using their codes when most tokens are ${sweep.where}?`,
    method: [
      `${sweep.data} An autoencoder of tokens (hidden layer 128 on each side), mean squared error and AdamW 1e-3, ${BATCH} tokens a step,`,
      `${STEPS} steps, K = ${K} (10 bits per token; FSQ [8, 5, 5, 5], 9.97 bits). SimVQ with both terms, rotation trick; VQ and LFQ as in`,
      'claims-collapse. Codes are counted twice: over test tokens with the same share, and over test tokens of which none is still.',
    ].join(' '),
    expected:
      'SimVQ uses fewer codes the more tokens are still: its codes move together, and the many still tokens pull all of them. EMA with k-means and revival, FSQ and LFQ keep more codes for the others. For every method perplexity falls, because that is what the data are like.',
    parts: ({ seeds }) => CELLS.length * sweep.shares.length * seeds.length,
    run: (context) => run(context, sweep),
  };
}

interface Row {
  readonly cell: Cell;
  readonly share: number;
  readonly runs: readonly KeptRun[];
}

async function run(context: ExperimentContext, sweep: StillSweep): Promise<Outcome> {
  const training: CellTraining = context.quick
    ? { steps: 20, points: 3, batch: BATCH }
    : { steps: STEPS, batch: BATCH };
  const rows: Row[] = [];
  for (const wanted of sweep.shares) {
    const { source, share } = await sweep.source(context, wanted);
    for (const cell of CELLS) rows.push({ cell, share, runs: await trainCell(context, source, cell, training) });
  }
  return {
    tables: [
      table(sweep, rows, 'Used codes, test tokens with the same share', (runs) =>
        testSpread(runs, (test) => test.usedCodes),
      ),
      table(sweep, rows, 'Used codes, test tokens of which none is still', busyCodes),
      table(sweep, rows, 'Perplexity, test tokens with the same share', (runs) =>
        testSpread(runs, (test) => test.perplexity),
      ),
      table(sweep, rows, 'Error/variance, test tokens of which none is still', busyError),
    ],
    plots: [plotOf(rows)],
    verdicts: verdictsOf(sweep, rows),
    answer: answerOf(sweep, rows),
    measurements: rows.flatMap(({ cell, share, runs }) =>
      measurement(
        `${cell.name}, ${percent(share)} still: used codes`,
        'codes',
        'higher',
        runs,
        (test) => test.usedCodes,
      ),
    ),
  };
}

/** Where nothing is still, all tokens are busy. */
const busyOf = (each: KeptRun): KeptRun['test'] => each.busyTest ?? each.test;
const busyCodes = (runs: readonly KeptRun[]): Spread | null => spreadOf(runs.map((each) => busyOf(each)?.usedCodes));
const busyError = (runs: readonly KeptRun[]): Spread | null =>
  spreadOf(runs.map((each) => busyOf(each)?.relativeError));

function sharesOf(rows: readonly Row[]): number[] {
  return [...new Set(rows.map(({ share }) => share))].sort((a, b) => a - b);
}

function runsOf(rows: readonly Row[], cell: Cell, share: number): readonly KeptRun[] {
  return rows.find((row) => row.cell === cell && row.share === share)?.runs ?? [];
}

function table(
  { where }: StillSweep,
  rows: readonly Row[],
  title: string,
  pick: (runs: readonly KeptRun[]) => Spread | null,
): Table {
  return {
    title: `${title}; K = ${K}, 10 bits per token`,
    columns: ['method', ...sharesOf(rows).map((share) => `${percent(share)} ${where}`)],
    rows: CELLS.map((cell) => [
      cell.name,
      ...sharesOf(rows).map((share) => spreadText(pick(runsOf(rows, cell, share))) ?? 'diverged'),
    ]),
  };
}

function plotOf(rows: readonly Row[]): Plot {
  return {
    name: 'used',
    title: 'Codes in use for the tokens that are not still',
    x: { label: 'share of still tokens' },
    y: { label: `used codes of ${K}` },
    series: CELLS.map((cell) => {
      const found = sharesOf(rows).flatMap((share) => {
        const spread = busyCodes(runsOf(rows, cell, share));
        return spread === null ? [] : [{ share, spread }];
      });
      return {
        label: cell.name,
        points: found.map(({ share, spread }) => [share, spread.mean] as const),
        spread: found.map(({ spread }) => [spread.low, spread.high] as const),
      };
    }),
  };
}

function verdictsOf({ where }: StillSweep, rows: readonly Row[]): Verdict[] {
  const shares = sharesOf(rows);
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  const codes = (cell: Cell, share: number): number =>
    testSpread(runsOf(rows, cell, share), (test) => test.usedCodes)?.mean ?? 0;
  const samples = (cell: Cell, share: number): readonly number[] =>
    testSpread(runsOf(rows, cell, share), (test) => test.usedCodes)?.samples ?? [];
  /** The share of its codes that each seed keeps. */
  const kept = (cell: Cell): number[] =>
    samples(cell, most).map((used, seed) => used / (samples(cell, least)[seed] ?? Number.NaN));
  const busy = (cell: Cell, share: number): number => busyCodes(runsOf(rows, cell, share))?.mean ?? 0;
  const error = (cell: Cell): string => spreadText(busyError(runsOf(rows, cell, most))) ?? 'diverged';
  const list = (cell: Cell, pick: (cell: Cell, share: number) => number): string =>
    shares.map((share) => `${percent(share)}: ${numberText(pick(cell, share))}`).join(', ');
  return [
    {
      claim: 'SimVQ keeps using nearly all its codes.',
      expected: `not when most tokens are ${where}`,
      measured: `used codes of ${K} by share: ${list(SIMVQ, codes)}`,
      verdict: shares.every((share) => codes(SIMVQ, share) > 0.9 * K) ? 'reproduced' : 'not reproduced',
      remark: `For the other tokens alone: ${list(SIMVQ, busy)}.`,
    },
    {
      claim: `SimVQ loses more codes to ${where} tokens than VQ with EMA, k-means and revival.`,
      expected: 'a larger drop of the used codes',
      measured: `SimVQ from ${numberText(codes(SIMVQ, least))} to ${numberText(codes(SIMVQ, most))}, VQ from ${numberText(codes(RESCUED, least))} to ${numberText(codes(RESCUED, most))}`,
      verdict: isLower(differenceOf(kept(SIMVQ), kept(RESCUED))),
      remark: `Error/variance of the other tokens at ${percent(most)}: SimVQ ${error(SIMVQ)}, VQ ${error(RESCUED)}.`,
    },
  ];
}

function answerOf({ where }: StillSweep, rows: readonly Row[]): string {
  const shares = sharesOf(rows);
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  const line = (cell: Cell): string => {
    const at = (share: number): string =>
      `${usedText(runsOf(rows, cell, share)) ?? 'no'} used codes at ${percent(share)}`;
    return `- ${cell.name}: ${at(least)}, ${at(most)}, ${spreadText(busyCodes(runsOf(rows, cell, most))) ?? 'none'} for tokens of which none is still (error/variance ${spreadText(busyError(runsOf(rows, cell, most))) ?? 'diverged'}; ${spreadText(busyError(runsOf(rows, cell, least))) ?? 'diverged'} at ${percent(least)})`;
  };
  const best = [...CELLS].sort(
    (a, b) =>
      (busyError(runsOf(rows, a, most))?.mean ?? Number.POSITIVE_INFINITY) -
      (busyError(runsOf(rows, b, most))?.mean ?? Number.POSITIVE_INFINITY),
  )[0];
  const left = (cell: Cell): string => numberText(busyCodes(runsOf(rows, cell, most))?.mean ?? 0);
  return [
    `**With ${percent(most)} still tokens SimVQ has ${left(SIMVQ)} of ${K} codes for the others, VQ with EMA, k-means and revival ${left(RESCUED)}; ${best?.name} has the lowest error there.**`,
    `K = ${K}, 10 bits per token, when ${percent(least)} or ${percent(most)} of the tokens are ${where}:`,
    CELLS.map(line).join('\n'),
    `A perplexity near 1 is right for such data; what counts is whether codes are left for the rest.`,
  ].join('\n\n');
}
