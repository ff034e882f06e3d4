import { QUANTIZERS } from '@vqkit/quantizers';
import type { Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { type Difference, inAll, intervalText, pairedDifferenceOf, sameWithin } from '../seeds.ts';
import { countText, spreadOf, spreadText } from '../training/summary.ts';
import { COMPARED_STEPS, type RecipeRun, type RecipeSettings } from './settings.ts';

/** What is told of one training. */
export type Quality = Pick<RecipeRun, 'l1' | 'psnr' | 'usedCodes' | 'perplexity'>;

/** Two trainings from the same initial weights on the same batches. */
export interface Pair {
  readonly ours: Quality;
  /** Null where no Python has the reference library. */
  readonly theirs: Quality | null;
  /** The largest difference of a loss among the first {@link COMPARED_STEPS} steps. */
  readonly apart: number | null;
}

/** The pairs of one quantizer, one for each seed. */
export interface PairedRuns {
  readonly quantizer: RecipeSettings['quantizer'];
  readonly pairs: readonly Pair[];
  /** The largest difference of PyTorch's losses from its own in another order of additions, where that was measured, by seed. */
  readonly itself?: readonly number[];
}

/** How far two libraries' mean L1 may be apart and count as the same, as a share of PyTorch's. */
export const SAME = 0.05;
/** How far two losses of one step may be. */
export const SAME_LOSS = 1e-4;
const SAME_LOSS_TEXT = '1e-4';

const COLUMNS: readonly [title: string, of: (run: Quality) => number | null, counted?: true][] = [
  ['test L1', ({ l1 }) => l1],
  ['PSNR, dB', ({ psnr }) => psnr],
  ['used codes', ({ usedCodes }) => usedCodes, true],
  ['perplexity', ({ perplexity }) => perplexity],
];

const spread = (values: readonly (number | null)[]): string | null => spreadText(spreadOf(values));
const titleOf = ({ quantizer }: PairedRuns): string => QUANTIZERS[quantizer].title;

/** PyTorch's trainings; none unless every pair has one. */
function theirsOf({ pairs }: PairedRuns): readonly Quality[] {
  const found = pairs.flatMap(({ theirs }) => (theirs === null ? [] : [theirs]));
  return found.length === pairs.length ? found : [];
}

/** How far vqkit's trainings are above PyTorch's, pair by pair. */
function differenceOf(runs: PairedRuns, of: (run: Quality) => number | null): Difference | undefined {
  const [ours, theirs] = [runs.pairs.map((pair) => of(pair.ours)), theirsOf(runs).map(of)];
  const known = [...ours, ...theirs].every((value) => value !== null);
  return known ? pairedDifferenceOf(ours as number[], theirs as number[]) : undefined;
}

export function recipeTables(results: readonly PairedRuns[], steps: number): Table[] {
  return [
    {
      title: `After ${steps} steps`,
      columns: ['quantizer', 'by', ...COLUMNS.map(([title]) => title)],
      rows: results.flatMap((result) => {
        const sides: [string, readonly Quality[]][] = [
          ['vqkit', result.pairs.map(({ ours }) => ours)],
          ['PyTorch', theirsOf(result)],
        ];
        return sides
          .filter(([, runs]) => runs.length > 0)
          .map(([by, runs]) => [
            titleOf(result),
            by,
            ...COLUMNS.map(([, of, counted]) => (counted ? countText(spreadOf(runs.map(of))) : spread(runs.map(of)))),
          ]);
      }),
    },
    {
      title: 'vqkit above PyTorch, pair by pair: mean and 95 % interval',
      columns: [
        'quantizer',
        'test L1',
        'PSNR, dB',
        `largest difference of a loss in the first ${COMPARED_STEPS} steps`,
      ],
      rows: results.map((result) => [
        titleOf(result),
        ...COLUMNS.slice(0, 2).map(([, of]) => intervalOf(differenceOf(result, of)) ?? onlyOf(result, of)),
        spread(result.pairs.map(({ apart }) => apart)),
      ]),
    },
  ];
}

/** The difference of one pair, which has no interval. */
function onlyOf(runs: PairedRuns, of: (run: Quality) => number | null): string | null {
  const [ours, theirs] = [runs.pairs[0]?.ours, theirsOf(runs)[0]].map((run) => (run === undefined ? null : of(run)));
  return ours == null || theirs == null ? null : numberText(ours - theirs, 2);
}

function intervalOf(difference: Difference | undefined): string | null {
  if (difference === undefined) return null;
  const [mean, low, high] = [difference.mean, difference.low, difference.high].map((value) => numberText(value, 2));
  return `${mean} (${low} to ${high})`;
}

/** Losses: the same where every one of every seed is. Quality: where the 95 % interval of the paired difference lies within ±5 %. */
export function recipeVerdicts(results: readonly PairedRuns[]): Verdict[] {
  return results.flatMap((result) => {
    const name = titleOf(result);
    const theirs = theirsOf(result);
    const losses = {
      claim: `${name}: the loss of PyTorch at each of the first ${COMPARED_STEPS} steps`,
      expected: `within ${SAME_LOSS_TEXT}`,
    };
    const quality = { claim: `${name}: the same quality as PyTorch`, expected: `mean L1 within ${100 * SAME} %` };
    const ours = `${spread(result.pairs.map((pair) => pair.ours.l1))}`;
    if (theirs.length === 0) {
      const remark = 'No Python with torch and vector-quantize-pytorch was named or found.';
      const absent = { verdict: 'beyond reach here', remark } as const;
      return [
        { ...losses, measured: 'not measured', ...absent },
        { ...quality, measured: ours, ...absent },
      ];
    }
    const reference = theirs.reduce((sum, { l1 }) => sum + l1, 0) / theirs.length;
    const difference = differenceOf(result, ({ l1 }) => l1);
    return [
      {
        ...losses,
        measured: `${spread(result.pairs.map(({ apart }) => apart))} at most`,
        verdict: inAll(result.pairs.map(({ apart }) => ((apart ?? 1) < SAME_LOSS ? 'reproduced' : 'not reproduced'))),
        remark: itselfText(result),
      },
      {
        ...quality,
        measured: `${ours} against ${spread(theirs.map(({ l1 }) => l1))}`,
        verdict: sameWithin(difference, SAME * reference),
        remark:
          difference === undefined
            ? 'One seed shows no spread.'
            : `Difference of the pairs: ${intervalText(difference, reference)} with 95 % confidence, from ${result.pairs.length} pairs.`,
      },
    ];
  });
}

/** What rounding alone does in PyTorch. */
function itselfText({ itself = [] }: PairedRuns): string {
  return itself.length === 0
    ? ''
    : `PyTorch is ${spread(itself)} apart from itself, ${itself.length} seeds, with the images of each batch the other way round.`;
}

export function recipeAnswer(results: readonly PairedRuns[], data: string): string {
  const verdicts = recipeVerdicts(results);
  const decided = verdicts.filter(({ verdict }) => verdict !== 'beyond reach here');
  if (decided.length === 0) return `On ${data} vqkit was trained alone: PyTorch was not measured.`;
  const namesOf = (kind: 'loss' | 'quality', verdict: Verdict['verdict']): string[] =>
    verdicts
      .filter((each) => each.claim.includes(kind) && each.verdict === verdict)
      .map(({ claim }) => claim.split(':')[0] as string);
  const [same, other, open] = (['reproduced', 'not reproduced', 'undecided'] as const).map((verdict) =>
    namesOf('quality', verdict),
  ) as [string[], string[], string[]];
  const stepwise = namesOf('loss', 'reproduced');
  const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));
  const itself = results
    .map((result) => ({
      name: titleOf(result),
      apart: spread(result.pairs.map(({ apart }) => apart)),
      text: itselfText(result),
    }))
    .filter(({ text }) => text !== '')
    .map(
      ({ name, apart, text }) =>
        ` ${name}'s losses, whose entropy has an inverse temperature of 100, are ${apart} apart at most: ${text} The reference clamps probabilities of that entropy at 1e-5, where vqkit is exact: without the clamp seed 1 was as close as PyTorch to itself (docs/LOG.md).`,
    )
    .join('');
  const seeds = Math.min(...results.map(({ pairs }) => pairs.length));
  return [
    `**From the same start as PyTorch: the same loss at each of the first ${COMPARED_STEPS} steps, within ${SAME_LOSS_TEXT}: ${list(stepwise)}. After training the same L1 within ${100 * SAME} %: ${list(same)}${other.length === 0 ? '' : `; another one: ${list(other)}`}${open.length === 0 ? '' : `; not decided by ${seeds} seed${seeds === 1 ? '' : 's'}: ${list(open)}`}.**`,
    `On ${data}, ${seeds} pair${seeds === 1 ? '' : 's'} of trainings for each quantizer. What differs at the end grew from rounding: each program adds in its own order.${itself} How fast each is: [recipe-speed](recipe-speed.md).`,
  ].join(' ');
}
