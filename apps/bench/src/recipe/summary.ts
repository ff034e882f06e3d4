import type { Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
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

const QUANTIZERS: Record<RecipeSettings['quantizer'], string> = { fsq: 'FSQ', simvq: 'SimVQ', lfq: 'LFQ' };

/** How many times as fast as PyTorch is wanted. */
const SPEED_GOALS: Record<RecipeSettings['quantizer'], number> = { fsq: 0.5, simvq: 0.5, lfq: 1 };

/** What each column of the table is of a run. */
const COLUMNS: readonly [title: string, of: (run: RecipeRun) => number | null][] = [
  ['test L1', ({ l1 }) => l1],
  ['PSNR, dB', ({ psnr }) => psnr],
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
        QUANTIZERS[quantizer],
        ENGINES[engine],
        ...COLUMNS.map(([, of]) => spread(runs.map(of))),
      ]),
    },
  ];
}

/** Quality: the ranges over the seeds meet, or ours is better. Speed: the slowest of ours against the goal times their mean. */
export function recipeVerdicts(results: readonly EngineRuns[]): Verdict[] {
  return results
    .filter(({ engine }) => engine === 'wasm')
    .flatMap(({ quantizer, runs }) => {
      const theirs = results.find((other) => other.quantizer === quantizer && other.engine === 'torch')?.runs;
      const name = QUANTIZERS[quantizer];
      const goal = SPEED_GOALS[quantizer];
      const l1 = spread(runs.map((run) => run.l1));
      const speed = spread(runs.map(({ stepsPerSecond }) => stepsPerSecond));
      const absent = 'No Python with torch and vector-quantize-pytorch was named or found.';
      if (theirs === undefined) {
        return [
          verdict(`${name}: the same quality as PyTorch`, 'L1 within the spread', `${l1}`, undefined, absent),
          verdict(`${name}: ${goal}× its speed`, `${goal}×`, `${speed} steps/s`, undefined, absent),
        ];
      }
      const [worst, theirWorst] = [Math.max(...runs.map((run) => run.l1)), Math.max(...theirs.map((run) => run.l1))];
      const best = Math.min(...runs.map((run) => run.l1));
      const ratio = mean(runs.map((run) => run.stepsPerSecond)) / mean(theirs.map((run) => run.stepsPerSecond));
      return [
        verdict(
          `${name}: the same quality as PyTorch`,
          'L1 within the spread of the seeds, or lower',
          `${l1} against ${spread(theirs.map((run) => run.l1))}`,
          runs.length < 2 ? undefined : best <= theirWorst,
          runs.length < 2
            ? 'One seed shows no spread.'
            : worst <= theirWorst
              ? ''
              : 'The highest of ours is above the highest of theirs.',
        ),
        verdict(
          `${name}: ${goal}× the speed of PyTorch or more`,
          `${goal}×`,
          `${numberText(ratio)}× (${speed} against ${spread(theirs.map((run) => run.stepsPerSecond))} steps/s)`,
          ratio >= goal,
          '',
        ),
      ];
    });
}

export function recipeAnswer(results: readonly EngineRuns[], data: string): string {
  const lines = results.map(
    ({ quantizer, engine, runs }) =>
      `- ${QUANTIZERS[quantizer]}, ${ENGINES[engine]}: test L1 **${spread(runs.map(({ l1 }) => l1))}**, ${spread(runs.map(({ usedCodes }) => usedCodes))} used codes, perplexity ${spread(runs.map(({ perplexity }) => perplexity))}, **${spread(runs.map(({ stepsPerSecond }) => stepsPerSecond))} steps per second**`,
  );
  const claims = recipeVerdicts(results).filter(({ verdict }) => verdict !== 'beyond reach here');
  const phrases = (['quality', 'speed'] as const).flatMap((of) => {
    const own = claims.filter(({ claim }) => claim.includes(of));
    const met = own.filter(({ verdict }) => verdict === 'reproduced').length;
    const words = of === 'quality' ? 'as well as PyTorch' : 'as fast as wanted';
    return own.length === 0 ? [] : [`${words} for ${met} of ${own.length} quantizers`];
  });
  const short = phrases.length === 0 ? '' : `**It trains ${phrases.join(', ')}.** `;
  const absent = results.some(({ engine }) => engine === 'torch') ? '' : '\n\nPyTorch was not measured.';
  return `${short}On ${data}, mean of the seeds with the lowest and the highest in brackets:\n\n${lines.join('\n')}${absent}`;
}

function verdict(
  claim: string,
  expected: string,
  measured: string,
  holds: boolean | undefined,
  remark: string,
): Verdict {
  return {
    claim,
    expected,
    measured,
    verdict: holds === undefined ? 'beyond reach here' : holds ? 'reproduced' : 'not reproduced',
    remark,
  };
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
