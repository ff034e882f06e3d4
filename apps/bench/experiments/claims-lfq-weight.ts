import { mnistPatches } from '../src/data/images.ts';
import { type Data, gaussianStream } from '../src/data/source.ts';
import type { Experiment, ExperimentContext, Outcome, Plot, Table, Verdict } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { type Cell, trainCell } from '../src/training/cells.ts';
import type { TokenEvaluation } from '../src/training/evaluate.ts';
import { measurement, percent, spreadText, testSpread, testText, usedText } from '../src/training/summary.ts';
import type { KeptRun } from '../src/training/trace.ts';

/** The entropy loss and the norm layer are both said to be what LFQ cannot do without. Which is it, and how much of the loss is right? */
export const claimsLfqWeight: Experiment = {
  name: 'claims-lfq-weight',
  question: 'Does LFQ need its entropy loss, a norm layer, or both, and how large a weight?',
  method: [
    'LFQ of d = 8, 10 and 12 bits (K = 2^d) in an autoencoder of tokens with a hidden layer of 128 on each side, mean squared error and',
    'AdamW 1e-3, 512 tokens a step, 400 steps, on the stream of 8 Gaussian factors, and with d = 10 on 7 × 7 patches of MNIST. Entropy',
    'weight 0, 0.02, 0.1 and 0.5 (γ = 1, τ = 100, no commitment), each with the latents as they are and with a LayerNorm without affine',
    'part before LFQ, which is what a group norm of one group does to a token. Used codes and perplexity are of the test tokens.',
  ].join(' '),
  expected:
    'As they are, latents grow out of the reach of the entropy loss (see lfq-scale-drift), so that its weight changes little. With the norm layer codes are used evenly even at weight 0; a larger weight then uses more of them, and costs reconstruction at the end.',
  parts: ({ quick, seeds }) => GROUPS.reduce((sum, { bits }) => sum + cellsOf(bits, quick).length, 0) * seeds.length,
  run,
};

const STEPS = 400;
const BATCH = 512;
const WEIGHTS = [0, 0.02, 0.1, 0.5];
const GROUPS: readonly { readonly bits: number; readonly source: Data }[] = [
  ...[8, 10, 12].map((bits) => ({ bits, source: gaussianStream({ dim: 32, factors: 8 }) })),
  { bits: 10, source: mnistPatches },
];

interface WeightCell extends Cell {
  readonly norm: boolean;
  readonly weight: number;
}

interface Group {
  readonly where: string;
  readonly bits: number;
  readonly rows: readonly { readonly cell: WeightCell; readonly runs: readonly KeptRun[] }[];
}

function weightsOf(quick: boolean): readonly number[] {
  return quick ? [0, 0.02, 0.5] : WEIGHTS;
}

function cellsOf(bits: number, quick: boolean): readonly WeightCell[] {
  return [false, true].flatMap((norm) =>
    weightsOf(quick).map((weight) => ({
      name: `d = ${bits}, ${norm ? 'LayerNorm' : 'as they are'}, weight ${weight}`,
      quantizer: { method: 'lfq', options: { codebookSize: 2 ** bits, entropyLossWeight: weight } } as const,
      norm,
      weight,
    })),
  );
}

async function run(context: ExperimentContext): Promise<Outcome> {
  const training = context.quick ? { steps: 20, points: 3, batch: BATCH } : { steps: STEPS, batch: BATCH };
  const groups: Group[] = [];
  for (const { bits, source } of GROUPS) {
    const rows: Group['rows'][number][] = [];
    for (const cell of cellsOf(bits, context.quick)) {
      const { name, quantizer, norm } = cell;
      rows.push({ cell, runs: await trainCell(context, source, { name, quantizer, latentNorm: norm }, training) });
    }
    groups.push({ where: source.name, bits, rows });
  }
  return {
    tables: groups.map(tableOf),
    plots: [
      plotOf(groups, 'used', usedTitle(groups), 'used codes / K', used),
      plotOf(groups, 'error', errorTitle(groups), 'error/variance', error),
    ],
    verdicts: verdictsOf(groups),
    answer: answerOf(groups),
    measurements: groups.flatMap(({ where, rows }) =>
      rows.flatMap(({ cell, runs }) => [
        ...measurement(`${where}: ${cell.name}: perplexity/K`, '', 'higher', runs, share),
        ...measurement(`${where}: ${cell.name}: error/variance`, '', 'lower', runs, error),
      ]),
    ),
  };
}

type Quantity = (test: TokenEvaluation) => number | null;
const share: Quantity = (test) => test.perplexityShare;
const used: Quantity = (test) => test.utilization;
const error: Quantity = (test) => test.relativeError;

function titleOf({ where, bits }: Group): string {
  return `${where}, ${bits} bits per token`;
}

function tableOf(group: Group): Table {
  return {
    title: titleOf(group),
    columns: ['latents', 'entropy weight', 'rms of z', 'used codes', 'perplexity/K', 'entropy, bits', 'error/variance'],
    rows: group.rows.map(({ cell, runs }) => [
      cell.norm ? 'LayerNorm' : 'as they are',
      String(cell.weight),
      testText(runs, ({ latents }) => latents.rms),
      usedText(runs),
      testText(runs, share),
      testText(runs, (test) => test.entropyBits),
      testText(runs, error),
    ]),
  };
}

function plotOf(groups: readonly Group[], name: string, title: string, label: string, pick: Quantity): Plot {
  return {
    name,
    title,
    x: { label: 'entropy weight' },
    y: { label },
    series: groups.flatMap((group) =>
      [false, true].map((norm) => {
        const found = group.rows
          .filter(({ cell }) => cell.norm === norm)
          .flatMap(({ cell, runs }) => {
            const spread = testSpread(runs, pick);
            return spread === null ? [] : [{ weight: cell.weight, spread }];
          });
        return {
          label: `${group.where.startsWith('MNIST') ? 'MNIST' : 'stream'}, ${group.bits} bits, ${norm ? 'LayerNorm' : 'as they are'}`,
          points: found.map(({ weight, spread }) => [weight, spread.mean] as const),
          spread: found.map(({ spread }) => [spread.low, spread.high] as const),
        };
      }),
    ),
  };
}

function usedTitle(groups: readonly Group[]): string {
  const ahead = groups.filter((group) => meanOf(group, true, 0, used) > meanOf(group, false, 0, used));
  return `Without entropy loss the norm layer has more codes in use in ${ahead.length} of ${groups.length} settings (τ = 100)`;
}

function errorTitle(groups: readonly Group[]): string {
  const weights = [...new Set(groups.flatMap(({ rows }) => rows.map(({ cell }) => cell.weight)))];
  const lowest = groups.filter((group) => bestWeight(group, weights) === 0);
  return `With the norm layer the lowest error has weight 0 in ${lowest.length} of ${groups.length} settings (τ = 100)`;
}

function runsOf({ rows }: Group, norm: boolean, weight: number): readonly KeptRun[] {
  return rows.find(({ cell }) => cell.norm === norm && cell.weight === weight)?.runs ?? [];
}

function meanOf(group: Group, norm: boolean, weight: number, pick: Quantity): number {
  return testSpread(runsOf(group, norm, weight), pick)?.mean ?? 0;
}

function verdictsOf(groups: readonly Group[]): Verdict[] {
  const weights = [...new Set(groups.flatMap(({ rows }) => rows.map(({ cell }) => cell.weight)))];
  const most = Math.max(...weights);
  const small = Math.min(...weights.filter((weight) => weight > 0));
  const each = (text: (group: Group) => string): string =>
    groups.map((group) => `${titleOf(group)}: ${text(group)}`).join('; ');
  const spread = (group: Group, norm: boolean, weight: number, pick: Quantity): string =>
    spreadText(testSpread(runsOf(group, norm, weight), pick)) ?? 'diverged';
  const verdict = (holds: readonly Group[]): Pick<Verdict, 'verdict' | 'remark'> => ({
    verdict: holds.length === groups.length ? 'reproduced' : 'not reproduced',
    remark: `It holds in ${holds.length} of ${groups.length} settings${holds.length > 0 && holds.length < groups.length ? `: ${holds.map(titleOf).join('; ')}` : ''}.`,
  });
  return [
    {
      claim: 'LFQ needs the entropy loss to use its codes.',
      predicted: false,
      expected: `perplexity/K at weight ${small} is 1.2 times that at weight 0 or more, latents as they are`,
      measured: each((group) => `${spread(group, false, small, share)} against ${spread(group, false, 0, share)}`),
      ...verdict(groups.filter((group) => meanOf(group, false, small, share) >= 1.2 * meanOf(group, false, 0, share))),
    },
    {
      claim: 'With normalised latents LFQ uses its codes without any entropy loss.',
      expected: 'perplexity/K with the norm layer at weight 0 is above that of every weight without it',
      measured: each(
        (group) =>
          `${spread(group, true, 0, share)} against ${weights.map((weight) => `${spread(group, false, weight, share)} (weight ${weight})`).join(', ')}`,
      ),
      ...verdict(
        groups.filter((group) =>
          weights.every((weight) => meanOf(group, true, 0, share) > meanOf(group, false, weight, share)),
        ),
      ),
    },
    {
      claim: 'A larger entropy weight brings more codes into use.',
      expected: `with the norm layer, more used codes at weight ${most} than at 0`,
      measured: each(
        (group) => `${percent(meanOf(group, true, 0, used))} to ${percent(meanOf(group, true, most, used))} of K`,
      ),
      ...verdict(groups.filter((group) => meanOf(group, true, most, used) > meanOf(group, true, 0, used))),
    },
    {
      claim: 'A larger entropy weight costs reconstruction.',
      expected: `with the norm layer, a higher error at weight ${most} than at 0`,
      measured: each((group) => `${spread(group, true, most, error)} against ${spread(group, true, 0, error)}`),
      ...verdict(groups.filter((group) => meanOf(group, true, most, error) > meanOf(group, true, 0, error))),
    },
  ];
}

function answerOf(groups: readonly Group[]): string {
  const weights = [...new Set(groups.flatMap(({ rows }) => rows.map(({ cell }) => cell.weight)))];
  const most = Math.max(...weights);
  const text = (group: Group, norm: boolean, weight: number, pick: Quantity): string =>
    spreadText(testSpread(runsOf(group, norm, weight), pick)) ?? 'diverged';
  const byNorm = groups.map((group) => meanOf(group, true, 0, share) / meanOf(group, false, 0, share));
  const byWeight = groups.map(
    (group) =>
      Math.max(...weights.map((weight) => meanOf(group, false, weight, share))) / meanOf(group, false, 0, share),
  );
  const range = (values: readonly number[]): string =>
    `${numberText(Math.min(...values), 2)} to ${numberText(Math.max(...values), 2)} times`;
  const lightest = groups.map((group) => bestWeight(group, weights));
  const best = groups.filter((group) =>
    group.rows.every(({ cell }) => meanOf(group, true, 0, error) <= meanOf(group, cell.norm, cell.weight, error)),
  );
  const lead =
    best.length === groups.length
      ? 'The norm layer, and at τ = 100 no entropy loss beside it'
      : best.length === 0
        ? 'Some of both'
        : 'It depends on the data';
  return [
    `**${lead}**: the norm layer alone has the lowest error of all in ${best.length} of ${groups.length} settings. At weight 0 it multiplies perplexity/K by ${range(byNorm)}; without it the best of the entropy weights does so by ${range(byWeight)}. All of this is at τ = 100, the default; what the entropy loss does beside a norm layer and beside spherical codes at τ = 1 too: [lfq-remedies](lfq-remedies.md), and at τ = 10: [lfq-scale-drift](lfq-scale-drift.md).`,
    groups
      .map(
        (group) =>
          `- ${titleOf(group)}: perplexity/K ${text(group, false, 0, share)} with neither, ${text(group, false, 0.02, share)} with weight 0.02 alone, ${text(group, true, 0, share)} with the norm layer alone, ${text(group, true, 0.02, share)} with both; error/variance ${text(group, false, 0, error)}, ${text(group, false, 0.02, error)}, ${text(group, true, 0, error)} and ${text(group, true, 0.02, error)}`,
      )
      .join('\n'),
    `With the norm layer, from weight 0 to ${most}:\n\n${groups
      .map(
        (group, i) =>
          `- ${titleOf(group)}: used codes ${percent(meanOf(group, true, 0, used))} to ${percent(meanOf(group, true, most, used))} of K, error/variance ${text(group, true, 0, error)} to ${text(group, true, most, error)}; the lowest error has weight ${lightest[i]}`,
      )
      .join('\n')}`,
  ].join('\n\n');
}

/** The weight of the lowest error, with the norm layer. */
function bestWeight(group: Group, weights: readonly number[]): number {
  return [...weights].sort((a, b) => meanOf(group, true, a, error) - meanOf(group, true, b, error))[0] ?? 0;
}
