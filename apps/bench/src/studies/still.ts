import type { Data } from '../data/source.ts';
import type { Experiment, ExperimentContext, Outcome, Plot, Table, Verdict } from '../experiment.ts';
import { differenceOf, isLower, lowestText } from '../seeds.ts';
import { type Cell, type CellTraining, trainCell } from '../training/cells.ts';
import {
  countText,
  measurement,
  percent,
  type Spread,
  spreadOf,
  spreadText,
  testSpread,
  usedText,
} from '../training/summary.ts';
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
      table(sweep, rows, 'Used codes, test tokens of which none is still', busyCodes, countText),
      table(sweep, rows, 'Error/variance, test tokens of which none is still', busyError),
      table(sweep, rows, 'Used codes, test tokens with the same share', allCodes, countText),
      table(sweep, rows, 'Perplexity, test tokens with the same share', (runs) =>
        testSpread(runs, (test) => test.perplexity),
      ),
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
const allCodes = (runs: readonly KeptRun[]): Spread | null => testSpread(runs, (test) => test.usedCodes);
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
  text: (spread: Spread | null) => string | null = spreadText,
): Table {
  return {
    title: `${title}; K = ${K}, 10 bits per token`,
    columns: ['method', ...sharesOf(rows).map((share) => `${percent(share)} ${where}`)],
    rows: CELLS.map((cell) => [
      cell.name,
      ...sharesOf(rows).map((share) => text(pick(runsOf(rows, cell, share))) ?? 'diverged'),
    ]),
  };
}

/** Of the codes for busy tokens at the least share, those left at the largest. */
function keptShare(rows: readonly Row[], cell: Cell): string {
  const shares = sharesOf(rows);
  const at = (share: number): number => busyCodes(runsOf(rows, cell, share))?.mean ?? Number.NaN;
  const kept = at(Math.max(...shares)) / at(Math.min(...shares));
  return Number.isNaN(kept) ? 'nothing: diverged' : percent(kept);
}

function plotOf(rows: readonly Row[]): Plot {
  return {
    name: 'used',
    title: `Codes for the tokens that are not still: SimVQ keeps ${keptShare(rows, SIMVQ)}, VQ with revival ${keptShare(rows, RESCUED)}`,
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
  const codes = (cell: Cell, share: number): Spread | null => busyCodes(runsOf(rows, cell, share));
  /** The share of its codes for the busy tokens that each seed keeps. */
  const kept = (cell: Cell): number[] =>
    (codes(cell, most)?.samples ?? []).map((used, seed) => used / (codes(cell, least)?.samples[seed] ?? Number.NaN));
  const all = (cell: Cell, share: number): Spread | null => allCodes(runsOf(rows, cell, share));
  const error = (cell: Cell): string => spreadText(busyError(runsOf(rows, cell, most))) ?? 'diverged';
  const list = (cell: Cell, pick: (cell: Cell, share: number) => Spread | null): string =>
    shares.map((share) => `${percent(share)}: ${countText(pick(cell, share)) ?? 'diverged'}`).join(', ');
  const change = (cell: Cell): string =>
    `${countText(codes(cell, least)) ?? 'diverged'} to ${countText(codes(cell, most)) ?? 'diverged'}`;
  return [
    {
      claim: 'SimVQ keeps using nearly all its codes for the tokens that are not still.',
      expected: `not when most tokens are ${where}`,
      predicted: false,
      measured: `used codes of ${K} for the others, by share: ${list(SIMVQ, codes)}`,
      verdict: shares.every((share) => (codes(SIMVQ, share)?.mean ?? 0) > 0.9 * K) ? 'reproduced' : 'not reproduced',
      remark: `With the still tokens: ${list(SIMVQ, all)}.`,
    },
    {
      claim: `SimVQ loses more codes for the others to ${where} tokens than VQ with EMA, k-means and revival.`,
      expected: 'a larger drop of the used codes',
      measured: `for the others SimVQ from ${change(SIMVQ)}, VQ from ${change(RESCUED)}`,
      verdict: isLower(differenceOf(kept(SIMVQ), kept(RESCUED))),
      remark: `Counted with the still tokens: SimVQ ${list(SIMVQ, all)}; VQ ${list(RESCUED, all)}. Error/variance of the others at ${percent(most)}: SimVQ ${error(SIMVQ)}, VQ ${error(RESCUED)}.`,
    },
  ];
}

function answerOf({ where }: StillSweep, rows: readonly Row[]): string {
  const shares = sharesOf(rows);
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  const line = (cell: Cell): string => {
    const busy = (share: number): string => countText(busyCodes(runsOf(rows, cell, share))) ?? 'no';
    return `- ${cell.name}: ${busy(least)} codes for them at ${percent(least)} and ${busy(most)} at ${percent(most)}, where ${usedText(runsOf(rows, cell, most)) ?? 'none'} are used in all (error/variance ${spreadText(busyError(runsOf(rows, cell, least))) ?? 'diverged'} and ${spreadText(busyError(runsOf(rows, cell, most))) ?? 'diverged'})`;
  };
  const best = lowestText(
    CELLS,
    ({ name }) => name,
    (cell) => busyError(runsOf(rows, cell, most))?.samples,
  );
  const left = (cell: Cell): string =>
    `${countText(busyCodes(runsOf(rows, cell, least))) ?? 'none'} to ${countText(busyCodes(runsOf(rows, cell, most))) ?? 'none'}`;
  return [
    `**From ${percent(least)} to ${percent(most)} still tokens the codes for the others go from ${left(SIMVQ)} with SimVQ and from ${left(RESCUED)} with VQ with EMA, k-means and revival; the lowest error there has ${best}.**`,
    `Judged on the tokens that are not still, K = ${K}, 10 bits per token, when ${percent(least)} or ${percent(most)} of the tokens are ${where}:`,
    CELLS.map(line).join('\n'),
    `A perplexity near 1 is right for such data, and codes that serve the still tokens are no gain: the count over all tokens can stay high while few are left for the rest.`,
  ].join('\n\n');
}
