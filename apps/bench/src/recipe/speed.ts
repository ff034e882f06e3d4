import { QUANTIZERS } from '@vqkit/quantizers';
import type { Measurement, Table, Verdict } from '../experiment.ts';
import { FREED_MEMORY_KEPT } from '../kernels/contender.ts';
import { numberText } from '../markdown.ts';
import { type Difference, pairedDifferenceOf } from '../seeds.ts';
import { spreadOf, spreadText } from '../training/summary.ts';
import type { RecipeRun, RecipeSettings } from './settings.ts';

/** A program with the memory allocator that its process has. */
export type Contender = 'vqkit' | 'torch' | 'torch, freed memory kept';

export const CONTENDERS: Readonly<Record<Contender, string>> = {
  vqkit: 'vqkit, wasm',
  torch: 'PyTorch as it comes',
  'torch, freed memory kept': 'PyTorch, freed memory kept',
};

/** One training of each, one after the other. */
export interface Turn {
  readonly runs: Readonly<Partial<Record<Contender, Pick<RecipeRun, 'stepsPerSecond' | 'peakMiB'>>>>;
  /** Trainings during which the machine was busy with something else, too. */
  readonly busy: number;
}

export interface TimedTurns {
  readonly quantizer: RecipeSettings['quantizer'];
  readonly turns: readonly Turn[];
}

/** How many times as fast as PyTorch is wanted. */
const GOALS: Readonly<Record<RecipeSettings['quantizer'], number>> = { fsq: 0.5, simvq: 0.5, lfq: 1 };
const PEERS = ['torch', 'torch, freed memory kept'] as const satisfies readonly Contender[];

/** As one would type them. */
const KEPT = Object.entries(FREED_MEMORY_KEPT)
  .map(([name, value]) => `${name}=${value}`)
  .join(' ');

const titleOf = ({ quantizer }: TimedTurns): string => QUANTIZERS[quantizer].title;

function speedsOf({ turns }: TimedTurns, contender: Contender): number[] {
  return turns.flatMap(({ runs }) => runs[contender]?.stepsPerSecond ?? []);
}

/** How many times as fast as a peer, turn by turn, by the logarithms; undefined where one of them was not measured. */
function ratioOf(timed: TimedTurns, peer: Contender): Difference | undefined {
  const [ours, theirs] = [speedsOf(timed, 'vqkit'), speedsOf(timed, peer)].map((speeds) => speeds.map(Math.log)) as [
    number[],
    number[],
  ];
  const difference = pairedDifferenceOf(ours, theirs);
  if (difference !== undefined) {
    const [mean, low, high] = [difference.mean, difference.low, difference.high].map(Math.exp) as [
      number,
      number,
      number,
    ];
    return { mean, low, high };
  }
  if (ours.length !== 1 || theirs.length !== 1) return undefined;
  const mean = Math.exp((ours[0] as number) - (theirs[0] as number));
  return { mean, low: mean, high: mean };
}

const times = (ratio: Difference | undefined): string | null =>
  ratio === undefined ? null : `${numberText(ratio.mean)}×`;

function timesText(ratio: Difference | undefined): string {
  if (ratio === undefined) return 'not measured';
  return `${times(ratio)} (${numberText(ratio.low)} to ${numberText(ratio.high)})`;
}

export function speedTables(results: readonly TimedTurns[]): Table[] {
  const busy = results.reduce((sum, { turns }) => sum + turns.reduce((all, turn) => all + turn.busy, 0), 0);
  const all = Object.keys(CONTENDERS) as Contender[];
  return [
    {
      title: 'Training steps a second on all cores',
      columns: ['quantizer', ...Object.values(CONTENDERS), ...PEERS.map((peer) => `times ${CONTENDERS[peer]}`)],
      rows: results.map((timed) => [
        titleOf(timed),
        ...all.map((contender) => spreadText(spreadOf(speedsOf(timed, contender)))),
        ...PEERS.map((peer) => times(ratioOf(timed, peer))),
      ]),
    },
    {
      title: 'Peak memory of the whole process, MiB',
      columns: ['quantizer', ...Object.values(CONTENDERS)],
      rows: results.map((timed) => [
        titleOf(timed),
        ...all.map((contender) => {
          const peaks = timed.turns.flatMap(({ runs }) => runs[contender]?.peakMiB ?? []);
          return peaks.length === 0 ? null : Math.round(Math.max(...peaks));
        }),
      ]),
    },
    ...(busy === 0
      ? []
      : [
          {
            title: 'Trainings on a busy machine',
            columns: ['trainings', 'of'],
            rows: [
              [
                busy,
                results.reduce(
                  (sum, { turns }) => sum + turns.reduce((n, { runs }) => n + Object.keys(runs).length, 0),
                  0,
                ),
              ],
            ],
          },
        ]),
  ];
}

/** Against the faster of PyTorch's two. */
export function speedVerdicts(results: readonly TimedTurns[]): Verdict[] {
  return results.map((timed) => {
    const goal = GOALS[timed.quantizer];
    const ratios = PEERS.map((peer) => ratioOf(timed, peer));
    const claim = {
      claim: `${titleOf(timed)}: ${goal}× the speed of PyTorch or more, whatever its allocator`,
      expected: `${goal}×`,
    };
    const known = ratios.filter((ratio) => ratio !== undefined);
    if (known.length < PEERS.length) {
      return {
        ...claim,
        measured: `${spreadText(spreadOf(speedsOf(timed, 'vqkit')))} steps a second`,
        verdict: 'beyond reach here',
        remark: 'No Python with torch and vector-quantize-pytorch was named or found.',
      };
    }
    const least = known.reduce((lower, ratio) => (ratio.mean < lower.mean ? ratio : lower));
    return {
      ...claim,
      measured: PEERS.map((peer, i) => `${timesText(ratios[i])} ${CONTENDERS[peer]}`).join('; '),
      verdict: least.low >= goal ? 'reproduced' : least.high < goal ? 'not reproduced' : 'undecided',
      remark: `Mean of ${timed.turns.length} turns, in brackets its 95 % interval.`,
    };
  });
}

export function speedAnswer(results: readonly TimedTurns[]): string {
  const compared = results.filter((timed) => ratioOf(timed, 'torch') !== undefined);
  if (compared.length === 0)
    return 'PyTorch was not measured: no Python that has the reference library was named or found.';
  const of = (peer: Contender): string =>
    compared.map((timed) => `${titleOf(timed)} ${times(ratioOf(timed, peer)) ?? 'not measured'}`).join(', ');
  return [
    `**A whole training step, networks included, against PyTorch as it comes: ${of('torch')}; against PyTorch with its freed memory kept: ${of('torch, freed memory kept')}.**`,
    `glibc's allocator gives large blocks back to the system when they are freed, and a step frees and asks for the same ones again: PyTorch then waits for new pages. Two variables of its environment keep them (\`${KEPT}\`). Both are shown, because PyTorch comes without.`,
  ].join(' ');
}

export function speedMeasurements(results: readonly TimedTurns[]): Measurement[] {
  return results.flatMap((timed) =>
    (Object.keys(CONTENDERS) as Contender[]).flatMap((contender) => {
      const samples = speedsOf(timed, contender);
      const name = `${timed.quantizer}, ${CONTENDERS[contender]}, steps per second`;
      return samples.length === 0 ? [] : [{ name, unit: '1/s', better: 'higher' as const, samples }];
    }),
  );
}
