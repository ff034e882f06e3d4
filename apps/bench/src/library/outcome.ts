import type { Outcome, Plot, Series, Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { differenceOf, isLower } from '../seeds.ts';
import { type Spread, spreadOf, spreadText } from '../training/summary.ts';
import { OWN, type Run, SETUPS, type Setup, WEIGHTS } from './setups.ts';

/** How far the first steps of vqkit may lie from those of a release, relative to them. */
const CLOSE = 1e-3;
const FIRST_STEPS = 20;
const THREAD = 'https://github.com/lucidrains/vector-quantize-pytorch/issues/177';

/** What a setup gave with all seeds. */
interface Row {
  readonly setup: Setup;
  readonly traces: readonly NonNullable<Run['trace']>[];
}

type Without = readonly [taken: number, back: number];

/** Tables, pictures and verdicts of the releases; what was not measured says so. */
export function libraryOutcome(runs: readonly Run[], without: Without): Outcome {
  const rows = [...SETUPS, ...OWN].map((setup): Row => {
    const traces = runs.filter((run) => run.setup === setup).flatMap(({ trace }) => (trace === null ? [] : [trace]));
    return { setup, traces };
  });
  return {
    tables: [endTable(rows), takenTable(rows, without), followTable(rows)],
    plots: WEIGHTS.flatMap((weight) => plotsOf(rows, weight, without)),
    verdicts: verdictsOf(rows, without),
    answer: answerOf(rows, without),
  };
}

/** mse(z, q) over the seeds before a step, or before the last. */
function errorAt({ traces }: Row, wanted?: number): Spread | null {
  return spreadOf(
    traces.map(({ step, error }) => error[wanted === undefined ? error.length - 1 : step.indexOf(wanted)]),
  );
}

function rowOf(rows: readonly Row[], wanted: Partial<Setup>): Row {
  const entries = Object.entries(wanted);
  return rows.find(({ setup }) => entries.every(([key, value]) => setup[key as keyof Setup] === value)) as Row;
}

function times(a: Spread | null, b: Spread | null): string {
  if (a === null || b === null) return 'not measured';
  const factor = a.mean / b.mean;
  return `${factor < 1000 ? numberText(factor, 2) : Number(factor.toPrecision(2)).toLocaleString('en-US')} times`;
}

const text = (spread: Spread | null): string => spreadText(spread) ?? 'not measured';
const logs = (spread: Spread | null): readonly number[] | undefined => spread?.samples.map(Math.log);
const weightText = (weight: number): string => `weight ${weight.toLocaleString('en-US')}`;

/** Whether the first is higher, judged by the logarithms of the seeds. */
function isHigher(a: Spread | null, b: Spread | null): Verdict['verdict'] {
  if (a === null || b === null) return 'beyond reach here';
  return isLower(differenceOf(logs(b), logs(a)));
}

function endTable(rows: readonly Row[]): Table {
  return {
    title: 'After the last step',
    columns: ['SimVQ', 'mse(z, q)', 'reconstruction error'],
    rows: rows.map((row) => [
      row.setup.name,
      spreadText(errorAt(row)),
      spreadText(spreadOf(row.traces.map(({ reconstruction }) => reconstruction))),
    ]),
  };
}

function takenTable(rows: readonly Row[], [taken, back]: Without): Table {
  return {
    title: 'mse(z, q) when half of the loss is taken away and given back, 1.20.11',
    columns: [
      'weight, trick',
      `before step ${taken}: both halves`,
      `before step ${back}: half missing`,
      'at the end: both halves',
    ],
    rows: rows
      .filter(({ setup }) => setup.takes)
      .map((row) => [
        `${row.setup.weight.toLocaleString('en-US')}, ${row.setup.rotation ? 'on' : 'off'}`,
        spreadText(errorAt(row, taken)),
        spreadText(errorAt(row, back)),
        spreadText(errorAt(row)),
      ]),
  };
}

/** The largest relative difference of mse(z, q) at the first steps, over the seeds; null where the release was not measured. */
function differenceFrom(own: Row, release: Row): number | null {
  if (release.traces.length === 0 || own.traces.length !== release.traces.length) return null;
  const differences = own.traces.flatMap(({ step, error }, seed) =>
    error.flatMap((value, i) => {
      const theirs = release.traces[seed]?.error[i] ?? Number.NaN;
      return (step[i] as number) < FIRST_STEPS ? [Math.abs(value - theirs) / theirs] : [];
    }),
  );
  return Math.max(...differences);
}

interface Pair {
  readonly own: Row;
  readonly release: Row;
}

function pairsOf(rows: readonly Row[]): Pair[] {
  return OWN.map((setup) => ({
    own: rowOf(rows, { name: setup.name }),
    release: rowOf(rows, { name: setup.name.replace('vqkit as ', '') }),
  }));
}

function followTable(rows: readonly Row[]): Table {
  return {
    title: 'vqkit beside each release, from the same weights on the same batches',
    columns: ['release', `largest difference of mse(z, q), first ${FIRST_STEPS} steps`, 'end, release', 'end, vqkit'],
    rows: pairsOf(rows).map(({ own, release }) => [
      release.setup.name,
      differenceFrom(own, release),
      spreadText(errorAt(release)),
      spreadText(errorAt(own)),
    ]),
  };
}

function seriesOf(row: Row, label: string): Series {
  const points = (row.traces[0]?.step ?? []).flatMap((step) => {
    const spread = errorAt(row, step);
    return spread === null ? [] : [{ step, spread }];
  });
  return {
    label,
    points: points.map(({ step, spread }) => [step, spread.mean] as const),
    spread: points.map(({ spread }) => [spread.low, spread.high] as const),
  };
}

/** In the pictures what differs between the releases is named, not their numbers alone. */
function labelOf({ commit, rotation, both, takes, name }: Setup): string {
  const version = commit === null ? 'vqkit' : (name.split(',')[0] as string);
  const half = takes ? 'half taken and given back' : both ? 'both halves' : 'half of the loss missing';
  return `${version}, trick ${rotation ? 'on' : 'off'}, ${half}`;
}

function plotsOf(rows: readonly Row[], weight: number, [taken, back]: Without): Plot[] {
  const at = (wanted: Partial<Setup>): Row => rowOf(rows, { weight, ...wanted });
  const half = at({ both: false });
  const off = at({ rotation: false, takes: false });
  const rise = (rotation: boolean): string => {
    const row = at({ rotation, takes: true });
    return times(errorAt(row, back), errorAt(row, taken));
  };
  const plot = (name: string, title: string, shown: readonly Row[]): Plot => ({
    name: `${name}-${weight}`,
    title,
    x: { label: 'step' },
    y: { label: 'mse(z, q)', scale: 'log' },
    series: shown.filter(({ traces }) => traces.length > 0).map((row) => seriesOf(row, labelOf(row.setup))),
  });
  const here = rows.filter(({ setup }) => setup.weight === weight);
  return [
    plot(
      'releases',
      `1.20.10 with the trick on lacks half of the loss: ${times(errorAt(half), errorAt(off))} the mse(z, q) of trick off (${weightText(weight)})`,
      here.filter(({ setup }) => !setup.takes),
    ),
    ...(here.some(({ setup }) => setup.takes)
      ? [
          plot(
            'taken',
            `Without half of the loss, from step ${taken} to ${back}, mse(z, q) rises ${rise(true)} with the trick on and ${rise(false)} with it off (${weightText(weight)})`,
            here.filter(({ setup }) => setup.takes),
          ),
        ]
      : []),
  ];
}

function verdictsOf(rows: readonly Row[], [taken, back]: Without): Verdict[] {
  const each = (weight: number): Verdict[] => {
    const at = (wanted: Partial<Setup>): Row => rowOf(rows, { weight, ...wanted });
    const half = errorAt(at({ both: false }));
    const off = errorAt(at({ rotation: false, takes: false }));
    const on = errorAt(at({ rotation: true, both: true, takes: false }));
    return [
      {
        claim: `1.20.10: mse(z, q) is higher with the trick on than with it off (${weightText(weight)}).`,
        expected: weight === 1 ? 'not said before the run' : 'thousands of times as high',
        predicted: weight === 1 ? null : true,
        measured: `${text(half)} against ${text(off)}: ${times(half, off)}`,
        verdict: isHigher(half, off),
        remark: `Trick on with half of the loss missing, trick off with both halves: what the issue compares. ${half?.samples.length ?? 0} seeds.`,
      },
      {
        claim: `1.20.11: mse(z, q) is lower with the trick on than with it off (${weightText(weight)}).`,
        expected: weight === 1 ? 'not said before the run' : 'lower',
        predicted: weight === 1 ? null : true,
        measured: `${text(on)} against ${text(off)}: ${times(on, off)}`,
        verdict: isHigher(off, on),
        remark: `Both halves on both sides. With the trick off the two releases have the same code. ${on?.samples.length ?? 0} seeds.`,
      },
      ...(weight === WEIGHTS[0] ? [true, false] : []).map((rotation): Verdict => {
        const row = at({ rotation, takes: true });
        const [before, missing, end] = [errorAt(row, taken), errorAt(row, back), errorAt(row)];
        const rises = isHigher(missing, before);
        const falls = isHigher(missing, end);
        return {
          claim: `mse(z, q) rises when half of the loss is taken away and falls when it is given back (trick ${rotation ? 'on' : 'off'}, ${weightText(weight)}).`,
          expected: 'it does, with the trick on and off',
          measured: `${text(before)}, then ${text(missing)}, then ${text(end)}`,
          verdict: rises === 'reproduced' ? falls : rises,
          remark: `${times(missing, before)} as high after ${back - taken} steps without it.`,
        };
      }),
    ];
  };
  const differences = pairsOf(rows).map(({ own, release }) => differenceFrom(own, release));
  const known = differences.filter((difference) => difference !== null);
  const largest = Math.max(...known);
  return [
    ...WEIGHTS.flatMap(each),
    {
      claim: `vqkit follows the releases step by step: the first ${FIRST_STEPS} values of mse(z, q) differ by ${CLOSE} of them at most.`,
      expected: 'it does, until rounding parts them',
      measured: known.length === 0 ? 'not measured' : `at most ${numberText(largest, 2)}`,
      verdict:
        known.length < differences.length ? 'beyond reach here' : largest <= CLOSE ? 'reproduced' : 'not reproduced',
      remark: `${known.length} of ${differences.length} settings. A code that two latents are nearly as near to ends it: from then on the trainings differ.`,
    },
  ];
}

/** mse(z, q) with half of the loss missing, with the trick off, and with the trick on and both halves. */
type Ends = readonly [half: Spread | null, off: Spread | null, on: Spread | null];

function answerOf(rows: readonly Row[], [taken, back]: Without): string {
  if (rows.some(({ setup, traces }) => setup.commit !== null && traces.length === 0)) {
    return 'The releases were not all measured: the command needs a clone of vector-quantize-pytorch and a Python that has torch.';
  }
  const [heavy, light] = WEIGHTS;
  const at = (weight: number, wanted: Partial<Setup>): Spread | null =>
    errorAt(rowOf(rows, { weight, takes: false, ...wanted }));
  const ends = (weight: number): Ends => [
    at(weight, { both: false }),
    at(weight, { rotation: false }),
    at(weight, { rotation: true, both: true }),
  ];
  const [[half, off, on], [lightHalf, lightOff, lightOn]] = [ends(heavy), ends(light)];
  const explained =
    isHigher(half, off) === 'reproduced' &&
    verdictsOf(rows, [taken, back])
      .filter(({ claim }) => claim.startsWith('mse(z, q) rises') && claim.includes(weightText(heavy)))
      .every(({ verdict }) => verdict === 'reproduced');
  const line = (weight: number): string => {
    const own = (rotation: boolean): string => {
      const row = rowOf(rows, { weight, rotation, takes: true });
      return `trick ${rotation ? 'on' : 'off'} ${text(errorAt(row, taken))}, ${text(errorAt(row, back))}, ${text(errorAt(row))}`;
    };
    return `- ${weightText(weight)}: ${own(true)}; ${own(false)}`;
  };
  return [
    `**${explained ? 'Yes: with the half it is gone, without it it is there, whether the trick is on or off.' : 'Not shown by this run.'}** With the code of [issue #177](${THREAD}) at its weight of 1,000, mse(z, q) ends at ${text(half)} in 1.20.10 with the trick on, where half of the loss is missing, and at ${text(off)} with the trick off: ${times(half, off)}. 1.20.11, which has both halves, ends at ${text(on)} with the trick on. At weight 1 the same comparison gives ${text(lightHalf)} against ${text(lightOff)}, ${times(lightHalf, lightOff)}, and 1.20.11 ends at ${text(lightOn)} with the trick on.`,
    `The cause by intervention, 1.20.11: mse(z, q) before the second half is taken away at step ${taken}, before it is given back at step ${back}, and at the end:`,
    line(heavy),
    'The two halves have one value, so that a log of either shows the same number; what differs is whether a gradient reaches the encoder.',
  ].join('\n\n');
}
