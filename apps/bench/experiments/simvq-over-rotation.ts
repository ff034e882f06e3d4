import { grad, mul, sum, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { rotateTo } from '@vqkit/losses';
import { gaussianStream } from '../src/data/source.ts';
import type { Experiment, ExperimentContext, Outcome, Plot, Table, Verdict } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { differenceOf, isLower } from '../src/seeds.ts';
import { type Cell, trainCell } from '../src/training/cells.ts';
import {
  firstSpread,
  lastSpread,
  measurement,
  percent,
  type Spread,
  spreadText,
  testSpread,
  testText,
  traceSeries,
  usedText,
} from '../src/training/summary.ts';
import type { KeptRun } from '../src/training/trace.ts';
import { startTrainingEngine } from '../src/training/train-tokens.ts';

/** Where the rotation trick does harm: its gradient is λ Rᵀ g, and λ = |q|/|z| is large for short latents, Rᵀ turns g around for obtuse angles. */
export const simVqOverRotation: Experiment = {
  name: 'simvq-over-rotation',
  question: 'Where does the rotation trick go too far?',
  method: [
    'First the gradient by itself, in 32 features: a code of length 1, a latent of length r at the angle θ from it, 256 random gradients g;',
    'reported are |g_z|/|g| and the mean cosine of g_z with g, for all g and for g in the plane of z and q. The bound of λ is 100',
    '(vqkit) or 1,000,000 (vector-quantize-pytorch). Then training: SimVQ (K = 256, 8 bits per token, both terms, weight 1) on the stream',
    "of simvq-rotation, with the encoder's last layer scaled at the start by 1, 0.01 or 0.0001, so that |z| starts near 0.",
  ].join(' '),
  expected:
    'The gradient of a latent of length r is 1/r times too long, up to the bound of λ; a gradient in the plane of z and q is turned by θ, so that beyond 90 degrees it points backwards. Trained from short latents, the unbounded rotation has first gradients thousands of times too large, and the bound limits them; AdamW, which divides by their size, may forgive either.',
  parts: ({ seeds }) => 1 + CELLS.length * seeds.length,
  run,
};

const DIM = 32;
const BOUNDS = [100, 1e6];
const LENGTHS = [1000, 100, 10, 1, 0.1, 0.01, 1e-3, 1e-4, 1e-6];
const ANGLES = [0, 30, 60, 80, 100, 120, 150, 170, 179];

interface Probe {
  readonly length: number;
  readonly angle: number;
  readonly bound: number;
  /** Mean |g_z| / |g|. */
  readonly gain: number;
  readonly cosine: number;
  /** Of gradients in the plane of z and q. */
  readonly planeCosine: number;
}

const SCALES = [1, 1e-2, 1e-4];
const CELLS: readonly Cell[] = SCALES.flatMap((latentScale) =>
  [
    { name: 'rotation, λ up to 100', rotationTrick: true, rotationMaxScale: 100 },
    { name: 'rotation, λ up to 1,000,000', rotationTrick: true, rotationMaxScale: 1e6 },
    { name: 'straight-through', rotationTrick: false },
  ].map(({ name, ...options }) => ({
    name: `${name}, first latents × ${latentScale}`,
    quantizer: { method: 'simvq', options: { dim: DIM, codebookSize: 256, ...options } } as const,
    latentScale,
  })),
);

const FOLLOW = { follow: ['norm', 'obtuseShare', 'encoderGradient'] } as const;

async function run(context: ExperimentContext): Promise<Outcome> {
  const probes = await context.part('the gradient alone', { DIM, BOUNDS, LENGTHS, ANGLES }, probe);
  const source = gaussianStream({ dim: DIM, factors: 8 });
  const training = context.quick ? { steps: 30, points: 3, batch: 512 } : { steps: 500, batch: 512 };
  const rows: Row[] = [];
  for (const cell of CELLS) rows.push({ cell, runs: await trainCell(context, source, cell, training, FOLLOW) });
  return {
    tables: [...gradientTables(probes), trainingTable(rows)],
    plots: [gainPlot(probes), norms(rows)],
    verdicts: verdictsOf(probes, rows),
    answer: answerOf(probes, rows),
    measurements: rows.flatMap(({ cell, runs }) =>
      measurement(`${cell.name}: error/variance`, '', 'lower', runs, (test) => test.relativeError),
    ),
  };
}

interface Row {
  readonly cell: Cell;
  readonly runs: readonly KeptRun[];
}

async function probe(): Promise<Probe[]> {
  await startTrainingEngine();
  const probes: Probe[] = [];
  for (const bound of BOUNDS) {
    for (const length of LENGTHS) probes.push(await probeAt(length, 60, bound));
    for (const angle of ANGLES) probes.push(await probeAt(1, angle, bound));
  }
  return probes;
}

/** The gradient that reaches a latent of this length and angle. The first two features span the plane of z and q. */
async function probeAt(length: number, angle: number, bound: number): Promise<Probe> {
  const count = 256;
  const rng = createRng(1);
  const radians = (angle * Math.PI) / 180;
  const rowsOf = (row: (i: number) => number[]): Tensor2D =>
    tensor2d(Array.from({ length: count }, (_, i) => [...row(i), ...new Array<number>(DIM).fill(0)].slice(0, DIM)));
  const gainAndCosine = async (g: Tensor2D): Promise<{ gain: number; cosine: number }> => {
    const reached = tidy(() => {
      const z = rowsOf(() => [length * Math.cos(radians), length * Math.sin(radians)]);
      const q = rowsOf(() => [1]);
      return grad((x) => sum(mul(rotateTo(x, q, { maxScale: bound }), g)))(z);
    });
    const [given, got] = await Promise.all([g.data(), reached.data()]);
    reached.dispose();
    g.dispose();
    let [gain, cosine] = [0, 0];
    for (let i = 0; i < count; i++) {
      let [aa, bb, ab] = [0, 0, 0];
      for (let j = i * DIM; j < (i + 1) * DIM; j++) {
        const [a, b] = [given[j] as number, got[j] as number];
        aa += a * a;
        bb += b * b;
        ab += a * b;
      }
      gain += Math.sqrt(bb / aa) / count;
      cosine += ab / Math.sqrt(aa * bb) / count;
    }
    return { gain, cosine };
  };
  const all = await gainAndCosine(rowsOf(() => Array.from({ length: DIM }, () => rng.normal())));
  const plane = await gainAndCosine(rowsOf(() => [rng.normal(), rng.normal()]));
  return { length, angle, bound, ...all, planeCosine: plane.cosine };
}

function gradientTables(probes: readonly Probe[]): Table[] {
  const at = (bound: number, pick: (each: Probe) => boolean): Probe =>
    probes.find((each) => each.bound === bound && pick(each)) as Probe;
  return [
    {
      title: 'The gradient at a latent of length r, 60 degrees from its code of length 1: |g_z| / |g|',
      columns: ['r', 'straight-through', 'rotation, λ up to 100', 'rotation, λ up to 1,000,000'],
      rows: LENGTHS.map((length) => [
        length,
        1,
        ...BOUNDS.map((bound) => at(bound, (each) => each.length === length && each.angle === 60).gain),
      ]),
    },
    {
      title: 'The direction of the gradient at a latent of length 1: mean cosine with g',
      columns: [
        'angle of z and q, degrees',
        'straight-through',
        'rotation, all directions',
        'rotation, in the plane of z and q',
      ],
      rows: ANGLES.map((angle) => {
        const found = at(100, (each) => each.length === 1 && each.angle === angle);
        return [angle, 1, found.cosine, found.planeCosine];
      }),
    },
  ];
}

const firstGradient = (runs: readonly KeptRun[]): Spread | null => firstSpread(runs, 'encoderGradient');
const errorOf = (runs: readonly KeptRun[]): Spread | null => testSpread(runs, (test) => test.relativeError);

function trainingTable(rows: readonly Row[]): Table {
  return {
    title: 'Training from short latents, 8 bits per token',
    columns: [
      'SimVQ',
      'first mean |z|',
      'first share of angles above 90 degrees',
      'first gradient norm of the encoder',
      'mean |z| at the end',
      'mse(z, q)/Var(z)',
      'used codes',
      'error/variance',
    ],
    rows: rows.map(({ cell, runs }) => [
      cell.name,
      spreadText(firstSpread(runs, 'norm')),
      percent(firstSpread(runs, 'obtuseShare')?.mean ?? 0),
      spreadText(firstGradient(runs)),
      testText(runs, ({ latents }) => latents.norm),
      testText(runs, ({ latents }) => latents.relativeError),
      usedText(runs),
      testText(runs, (test) => test.relativeError),
    ]),
  };
}

function gainPlot(probes: readonly Probe[]): Plot {
  return {
    name: 'gain',
    title: 'Without a bound of λ the gradient grows as 1/|z|; a bound of 100 stops it at 100 times',
    x: { label: '|z| / |q|', scale: 'log' },
    y: { label: '|g_z| / |g|', scale: 'log' },
    series: BOUNDS.map((bound) => ({
      label: `rotation, λ up to ${bound.toLocaleString('en-US')}`,
      points: probes
        .filter((each) => each.bound === bound && each.angle === 60 && LENGTHS.includes(each.length))
        .map(({ length, gain }) => [length, gain] as const)
        .sort((a, b) => a[0] - b[0]),
    })),
  };
}

function norms(rows: readonly Row[]): Plot {
  return {
    name: 'norm',
    title: `The length that latents start with is forgotten: with the trick mean |z| ends at ${endsOf(rows)}`,
    x: { label: 'step' },
    y: { label: 'mean |z|', scale: 'log' },
    series: rows
      .filter(({ cell }) => cell.latentScale !== 1e-2)
      .map(({ cell, runs }) => traceSeries(cell.name, runs, 'norm')),
  };
}

/** The lowest and the highest mean |z| at the end, with the rotation trick. */
function endsOf(rows: readonly Row[]): string {
  const ends = rows
    .filter(({ cell }) => cell.name.startsWith('rotation'))
    .map(({ runs }) => lastSpread(runs, 'norm')?.mean ?? Number.NaN);
  return `${numberText(Math.min(...ends))} to ${numberText(Math.max(...ends))}`;
}

function runsOf(rows: readonly Row[], name: string, scale: number): readonly KeptRun[] {
  return rows.find(({ cell }) => cell.latentScale === scale && cell.name.startsWith(name))?.runs ?? [];
}

function verdictsOf(probes: readonly Probe[], rows: readonly Row[]): Verdict[] {
  const back = probes.filter((each) => each.bound === 100 && each.length === 1 && each.angle > 90);
  const forward = probes.filter((each) => each.bound === 100 && each.length === 1 && each.angle < 90);
  const short = Math.min(...SCALES);
  const [bounded, unbounded, plain] = ['rotation, λ up to 100', 'rotation, λ up to 1,000,000', 'straight-through'].map(
    (name) => runsOf(rows, name, short),
  ) as [readonly KeptRun[], readonly KeptRun[], readonly KeptRun[]];
  const first = (runs: readonly KeptRun[]): number => firstGradient(runs)?.mean ?? 0;
  const error = (runs: readonly KeptRun[]): string => spreadText(errorOf(runs)) ?? 'diverged';
  const worse = isLower(differenceOf(errorOf(bounded)?.samples, errorOf(unbounded)?.samples));
  return [
    {
      claim: 'Beyond 90 degrees the rotation turns the gradient around (over-rotation).',
      expected: 'in the plane of z and q the cosine with g is cos θ',
      measured: back.map(({ angle, planeCosine }) => `${angle} degrees: ${numberText(planeCosine, 2)}`).join(', '),
      verdict:
        back.every(({ planeCosine }) => planeCosine < 0) && forward.every(({ planeCosine }) => planeCosine > 0)
          ? 'reproduced'
          : 'not reproduced',
      remark: 'Outside that plane, which is most of the space, the gradient is not turned at all.',
    },
    {
      claim: 'Latents near 0 blow the gradient up.',
      expected: 'first gradients of the encoder larger than straight-through, by up to the bound of λ',
      measured: `started at ${short} of the usual length: ${numberText(first(plain), 2)} straight-through, ${numberText(first(bounded), 2)} with λ up to 100, ${numberText(first(unbounded), 2)} with λ up to 1,000,000`,
      verdict: first(bounded) > 3 * first(plain) ? 'reproduced' : 'not reproduced',
      remark: 'AdamW divides by the size of the gradients, so that the next row is what it costs.',
    },
    {
      claim: 'Without a bound on λ, training from short latents ends worse.',
      expected: 'a higher error than with the bound',
      measured: `error/variance ${error(unbounded)} without, ${error(bounded)} with the bound, ${error(plain)} straight-through`,
      verdict: worse,
      remark:
        worse === 'undecided' ? 'In this setting the seeds cannot tell whether the bound costs or saves anything.' : '',
    },
  ];
}

function answerOf(probes: readonly Probe[], rows: readonly Row[]): string {
  const gain = (bound: number, length: number): string =>
    numberText(probes.find((each) => each.bound === bound && each.length === length && each.angle === 60)?.gain ?? 0);
  const plane = (angle: number): string =>
    numberText(
      probes.find((each) => each.length === 1 && each.angle === angle && each.bound === 100)?.planeCosine ?? 0,
      2,
    );
  const ends = (name: string): string =>
    rows
      .filter(({ cell }) => cell.name.startsWith(name))
      .map(({ runs }) => spreadText(errorOf(runs)) ?? 'diverged')
      .join(', ');
  return [
    '**Where latents are much shorter than their codes, and where they point away from them.** The trick passes the gradient on as λ Rᵀ g.',
    `The scale λ = |q|/|z| has no bound of its own. At a latent of a thousandth of its code's length the gradient is ${gain(1e6, 1e-3)} times as long as it came, at a millionth ${gain(1e6, 1e-6)} times; with vqkit's bound ${gain(100, 1e-3)} and ${gain(100, 1e-6)} times. A latent 100 times longer than its code gets ${gain(100, 100)} of it.`,
    `The rotation R turns a gradient that lies in the plane of z and q by their angle: its cosine with the original is ${plane(60)} at 60 degrees, ${plane(120)} at 120 and ${plane(170)} at 170. Beyond 90 degrees a step that should shorten the way to a better code lengthens it.`,
    `In training, from latents of the usual length and from ones a hundred and ten thousand times shorter, error/variance ends at ${ends('rotation, λ up to 100,')} with the bound, at ${ends('rotation, λ up to 1,000,000,')} without, and at ${ends('straight-through,')} straight-through: the length that latents start with is forgotten. First gradients and codes in use are in the table of trainings.`,
  ].join('\n\n');
}
