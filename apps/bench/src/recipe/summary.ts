import { QUANTIZERS } from '@vqkit/quantizers';
import type { Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { differenceOf, intervalText, sameWithin } from '../seeds.ts';
import type { RecipeRun, RecipeSettings } from './settings.ts';

/** The trainings of one quantizer on one engine, one for each seed. */
export interface EngineRuns {
  readonly quantizer: RecipeSettings['quantizer'];
  readonly engine: RecipeSettings['engine'];
  readonly runs: readonly RecipeRun[];
}

export const ENGINES: Record<RecipeSettings['engine'], string> = {
  auto: 'vqkit',
  wasm: 'vqkit, wasm',
  native: 'vqkit, native TensorFlow',
  cpu: 'vqkit, cpu',
  webgpu: 'vqkit, WebGPU',
  torch: 'PyTorch',
};

/** How many times as fast as PyTorch is wanted. */
const SPEED_GOALS: Record<RecipeSettings['quantizer'], number> = { fsq: 0.5, simvq: 0.5, lfq: 1 };

/** What each column of the table is of a run. */
const COLUMNS: readonly [title: string, of: (run: RecipeRun) => number | null][] = [
  ['test L1', ({ l1 }) => l1],
  ['used codes', ({ usedCodes }) => usedCodes],
  ['perplexity', ({ perplexity }) => perplexity],
  ['steps/s', ({ stepsPerSecond }) => stepsPerSecond],
  ['peak MiB', ({ peakMiB }) => peakMiB],
];

export function recipeTables(results: readonly EngineRuns[], steps: number): Table[] {
  return [
    {
      title: `After ${steps} steps: mean of the seeds, lowest to highest in brackets`,
      columns: ['quantizer', 'by', ...COLUMNS.map(([title]) => title)],
      rows: results.map(({ quantizer, engine, runs }) => [
        QUANTIZERS[quantizer].title,
        ENGINES[engine],
        ...COLUMNS.map(([, of]) => spread(runs.map(of))),
      ]),
    },
  ];
}

/** How far two libraries' mean L1 may be apart and count as the same, as a share of PyTorch's. */
const SAME = 0.05;

/**
 * Quality: the same when the 95 % interval of the difference of the means lies within ±5 %, undecided when it only reaches in. Speed: the
 * ratio of the means against the goal.
 */
export function recipeVerdicts(results: readonly EngineRuns[]): Verdict[] {
  return results
    .filter(({ engine }) => engine === 'wasm')
    .flatMap(({ quantizer, runs }) => {
      const theirs = results.find((other) => other.quantizer === quantizer && other.engine === 'torch')?.runs;
      const name = QUANTIZERS[quantizer].title;
      const goal = SPEED_GOALS[quantizer];
      const [l1, speed] = [spread(runs.map((run) => run.l1)), spread(runs.map(({ stepsPerSecond }) => stepsPerSecond))];
      const quality = { claim: `${name}: the same quality as PyTorch`, expected: `mean L1 within ${100 * SAME} %` };
      const fast = { claim: `${name}: ${goal}× the speed of PyTorch or more`, expected: `${goal}×` };
      if (theirs === undefined) {
        const remark = 'No Python with torch and vector-quantize-pytorch was named or found.';
        const absent = { verdict: 'beyond reach here', remark } as const;
        return [
          { ...quality, measured: `${l1}`, ...absent },
          { ...fast, measured: `${speed} steps/s`, ...absent },
        ];
      }
      const ratio = mean(runs.map((run) => run.stepsPerSecond)) / mean(theirs.map((run) => run.stepsPerSecond));
      const difference = differenceOf(
        runs.map((run) => run.l1),
        theirs.map((run) => run.l1),
      );
      const reference = mean(theirs.map((run) => run.l1));
      return [
        {
          ...quality,
          measured: `${l1} against ${spread(theirs.map((run) => run.l1))}`,
          verdict: sameWithin(difference, SAME * reference),
          remark:
            difference === undefined
              ? 'One seed shows no spread.'
              : `Difference of the means: ${intervalText(difference, reference)} with 95 % confidence, from ${runs.length} and ${theirs.length} seeds.`,
        },
        {
          ...fast,
          measured: `${numberText(ratio)}× (${speed} against ${spread(theirs.map((run) => run.stepsPerSecond))} steps/s)`,
          verdict: ratio >= goal ? 'reproduced' : 'not reproduced',
          remark: '',
        },
      ];
    });
}

export function recipeAnswer(results: readonly EngineRuns[], data: string): string {
  const lines = results.map(
    ({ quantizer, engine, runs }) =>
      `- ${QUANTIZERS[quantizer].title}, ${ENGINES[engine]}: test L1 **${spread(runs.map(({ l1 }) => l1))}**, ${spread(runs.map(({ usedCodes }) => usedCodes))} used codes, perplexity ${spread(runs.map(({ perplexity }) => perplexity))}, **${spread(runs.map(({ stepsPerSecond }) => stepsPerSecond))} steps per second**`,
  );
  const claims = recipeVerdicts(results).filter(({ verdict }) => verdict !== 'beyond reach here');
  const ofKind = (kind: string, verdict: Verdict['verdict']): number =>
    claims.filter((each) => each.claim.includes(kind) && each.verdict === verdict).length;
  const all = claims.length / 2;
  const seeds = Math.min(...results.filter(({ engine }) => engine !== 'native').map(({ runs }) => runs.length));
  const open = ofKind('quality', 'undecided');
  const shown = `shown for ${ofKind('quality', 'reproduced')} of ${all} quantizers`;
  const unknown = open === 0 ? '' : `, undecided for ${open}, because ${seeds} seeds are too few to tell`;
  const short =
    all === 0
      ? ''
      : `**As well as PyTorch (mean L1 within ${100 * SAME} %): ${shown}${unknown}. As fast as wanted: ${ofKind('speed', 'reproduced')} of ${all}.** `;
  const absent = results.some(({ engine }) => engine === 'torch') ? '' : '\n\nPyTorch was not measured.';
  return `${short}On ${data}, mean of the seeds with the lowest and the highest in brackets:\n\n${lines.join('\n')}${absent}`;
}

/** `0.1003 (0.0998 to 0.101)`; of one seed its number; null where there is none. */
function spread(values: readonly (number | null)[]): string | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  if (known.length === 1) return numberText(mean(known));
  return `${numberText(mean(known))} (${numberText(Math.min(...known))} to ${numberText(Math.max(...known))})`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
