import type { Outcome, Plot, Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { differenceOf, isLower } from '../seeds.ts';
import {
  countText,
  firstSpread,
  lastSpread,
  measurement,
  percent,
  type spreadOf,
  spreadText,
  testSpread,
  testText,
  traceSeries,
  usedText,
} from '../training/summary.ts';
import { type KeptRun, type Quantity, traceOf } from '../training/trace.ts';

/** One training of the grid. */
export interface Corner {
  readonly rotation: boolean;
  readonly both: boolean;
  readonly mlp: boolean;
  readonly weight: number;
}

export interface Row {
  readonly corner: Corner;
  readonly runs: readonly KeptRun[];
}

/** The name of its part. */
export function nameOf({ rotation, both, mlp, weight }: Corner): string {
  return [
    rotation ? 'rotation' : 'straight-through',
    both ? 'both terms' : 'codebook term only',
    mlp ? 'Linear-ReLU-Linear' : 'Linear',
    `w = ${weight}`,
  ].join(', ');
}

type Runs = readonly KeptRun[];
type Spreads = ReturnType<typeof spreadOf>;

const relative = (runs: Runs): Spreads => testSpread(runs, ({ latents }) => latents.relativeError);
const raw = (runs: Runs): Spreads => testSpread(runs, ({ latents }) => latents.error);
const errorOf = (runs: Runs): Spreads => testSpread(runs, (test) => test.relativeError);
const usedOf = (runs: Runs): Spreads => testSpread(runs, (test) => test.usedCodes);
/** The largest value at the traced steps, over all seeds: of trainings that diverged too. */
const largest = (runs: Runs, quantity: Quantity): number =>
  Math.max(...runs.flatMap((run) => traceOf(run, quantity).map((value) => value ?? 0)));

const WEIGHTS = [1, 1000] as const;
const TRANSFORMS = [
  { mlp: false, transform: 'Linear' },
  { mlp: true, transform: 'Linear-ReLU-Linear' },
] as const;

/** As tables and pictures say it: what half is missing decides, so that it is named first. */
function labelOf({ rotation, both }: Pick<Corner, 'rotation' | 'both'>): string {
  return `trick ${rotation ? 'on' : 'off'}, ${both ? 'both halves of the loss' : 'half of the loss missing'}`;
}

const runsAt = (rows: readonly Row[], wanted: Corner): Runs =>
  rows.find(({ corner }) => nameOf(corner) === nameOf(wanted))?.runs ?? [];

const endOf = (runs: Runs): string => testText(runs, ({ latents }) => latents.error) ?? 'diverged';

/** One setting: what users compared, and the same with both halves on both sides. */
interface Setting {
  readonly weight: number;
  readonly mlp: boolean;
  readonly transform: string;
  /** Trick on, half of the loss missing. */
  readonly half: Runs;
  readonly on: Runs;
  readonly off: Runs;
  readonly offHalf: Runs;
}

function settingsOf(rows: readonly Row[]): Setting[] {
  return WEIGHTS.flatMap((weight) =>
    TRANSFORMS.map(({ mlp, transform }) => {
      const at = (rotation: boolean, both: boolean): Runs => runsAt(rows, { rotation, both, mlp, weight });
      const [half, on, off, offHalf] = [at(true, false), at(true, true), at(false, true), at(false, false)];
      return { weight, mlp, transform, half, on, off, offHalf };
    }),
  );
}

/** How many times as large the mean of the first is: infinite where it diverged. */
function ratioOf(a: Runs, b: Runs, pick: (runs: Runs) => Spreads = raw): number {
  return (pick(a)?.mean ?? Number.POSITIVE_INFINITY) / (pick(b)?.mean ?? Number.POSITIVE_INFINITY);
}

function times(factor: number): string {
  return Number.isFinite(factor)
    ? `${factor < 1000 ? numberText(factor, 2) : whole(Number(factor.toPrecision(2)))} times`
    : 'not comparable: diverged';
}

function whole(value: number): string {
  return value.toLocaleString('en-US');
}

/** Whether the first is the higher one, as far as the seeds tell. */
function isHigher(a: Runs, b: Runs, pick: (runs: Runs) => Spreads = raw): Verdict['verdict'] {
  return isLower(differenceOf(logs(pick(b)), logs(pick(a))));
}

/** What differs by factors is compared by its logarithms. */
function logs(spread: Spreads): readonly number[] | undefined {
  return spread?.samples.map(Math.log);
}

/** What the trainings of a grid say. */
export function outcomeOf(rows: readonly Row[], steps: number, hasRange: boolean): Outcome {
  return {
    tables: [comparedTable(rows), ...settingsOf(rows).map((setting) => tableOf(rows, setting, hasRange))],
    plots: plotsOf(rows),
    verdicts: verdictsOf(rows),
    answer: answerOf(rows, steps),
    measurements: rows.flatMap(({ corner, runs }) => [
      ...measurement(`${nameOf(corner)}: mse(z, q)/Var(z)`, '', 'lower', runs, ({ latents }) => latents.relativeError),
      ...measurement(`${nameOf(corner)}: used codes`, 'codes', 'higher', runs, (test) => test.usedCodes),
    ]),
  };
}

function comparedTable(rows: readonly Row[]): Table {
  return {
    title: 'mse(z, q) with the trick on over that with it off',
    columns: [
      'weight, transform',
      'half missing, on',
      'both halves, on',
      'both halves, off',
      'what users compared',
      'both halves on both sides',
    ],
    rows: settingsOf(rows).map(({ weight, transform, half, on, off }) => [
      `${whole(weight)}, ${transform}`,
      endOf(half),
      endOf(on),
      endOf(off),
      times(ratioOf(half, off)),
      times(ratioOf(on, off)),
    ]),
  };
}

function tableOf(rows: readonly Row[], { weight, mlp, transform }: Setting, hasRange: boolean): Table {
  return {
    title: `After training, weight ${whole(weight)}, ${transform}`,
    columns: [
      'SimVQ',
      'mse(z, q)',
      'mse(z, q)/Var(z)',
      'mean |z|',
      'angle of z and q, degrees',
      'gradient norm of the encoder',
      'used codes',
      hasRange ? 'PSNR, dB' : 'error/variance',
    ],
    rows: rows
      .filter(({ corner }) => corner.mlp === mlp && corner.weight === weight)
      .map(({ corner, runs }) => [
        labelOf(corner),
        endOf(runs),
        spreadText(relative(runs)) ?? '-',
        spreadText(testSpread(runs, ({ latents }) => latents.norm)) ?? '-',
        spreadText(testSpread(runs, ({ latents }) => latents.angle)) ?? '-',
        spreadText(lastSpread(runs, 'encoderGradient')) ?? '-',
        usedText(runs) ?? '-',
        spreadText(testSpread(runs, (test) => (hasRange ? test.psnrDb : test.relativeError))) ?? '-',
      ]),
  };
}

function plotsOf(rows: readonly Row[]): Plot[] {
  const plot = (
    name: string,
    quantity: Quantity,
    label: string,
    { weight, mlp, transform }: Setting,
    finding: string,
  ): Plot => ({
    name,
    title: `${finding} (${transform}, weight ${whole(weight)})`,
    x: { label: 'step' },
    y: { label, scale: 'log' },
    series: rows
      .filter(({ corner }) => corner.mlp === mlp && corner.weight === weight)
      .map(({ corner, runs }) => traceSeries(labelOf(corner), runs, quantity, 'log')),
  });
  const settings = settingsOf(rows);
  const at = (weight: number, mlp: boolean): Setting =>
    settings.find((each) => each.weight === weight && each.mlp === mlp) as Setting;
  const compared = (setting: Setting): string =>
    `Half of the loss missing: mse(z, q) is ${times(ratioOf(setting.half, setting.off))} that of trick off`;
  const light = at(1, false);
  const finding = (words: string, quantity: Quantity): string =>
    `${words} ${times((lastSpread(light.half, quantity)?.mean ?? Number.NaN) / (lastSpread(light.on, quantity)?.mean ?? Number.NaN))} as large without its half`;
  return [
    plot('commitment-1000-mlp', 'commitment', 'mse(z, q)', at(1000, true), compared(at(1000, true))),
    plot('commitment-1000', 'commitment', 'mse(z, q)', at(1000, false), compared(at(1000, false))),
    plot('commitment', 'commitment', 'mse(z, q)', light, compared(light)),
    plot(
      'relative',
      'relativeCommitment',
      'mse(z, q) / Var(z)',
      light,
      finding('Trick on: relative error', 'relativeCommitment'),
    ),
    plot('norm', 'norm', 'mean |z|', light, finding('Trick on: latents', 'norm')),
    plot('angle', 'angle', 'degrees', light, finding('Trick on: angle of z and q', 'angle')),
    plot(
      'gradient',
      'encoderGradient',
      'gradient norm of the encoder',
      light,
      finding('Trick on: gradient', 'encoderGradient'),
    ),
  ];
}

function verdictsOf(rows: readonly Row[]): Verdict[] {
  const settings = settingsOf(rows);
  const growth = (runs: Runs): number => largest(runs, 'commitment') / (firstSpread(runs, 'commitment')?.mean ?? 0);
  const grows = (runs: Runs): boolean => runs.some(({ divergedAt }) => divergedAt !== null) || growth(runs) > 3;
  const text = (runs: Runs, pick: (runs: Runs) => Spreads): string => spreadText(pick(runs)) ?? 'diverged';
  const where = ({ weight, transform }: Setting): string => `${transform}, weight ${whole(weight)}`;
  const light = settings.filter(({ weight }) => weight === 1);
  const heavy = settings.filter(({ weight }) => weight === 1000);
  return [
    ...settings.map(
      (setting): Verdict => ({
        claim: `What users compared: mse(z, q) is higher with the trick on and half of the loss missing than with the trick off (${where(setting)}).`,
        expected: 'not said before the run',
        predicted: null,
        measured: `${endOf(setting.half)} against ${endOf(setting.off)}: ${times(ratioOf(setting.half, setting.off))}`,
        verdict: isHigher(setting.half, setting.off),
        remark: `With both halves on both sides ${endOf(setting.on)} against ${endOf(setting.off)}: ${times(ratioOf(setting.on, setting.off))}.`,
      }),
    ),
    ...light.map(
      (setting): Verdict => ({
        claim: `The rotation trick by itself makes mse(z, q) grow (${where(setting)}).`,
        expected: 'no: the missing half of the loss does',
        predicted: false,
        measured: `largest mse(z, q) at the traced steps over the first: both halves, on ${times(growth(setting.on))}, off ${times(growth(setting.off))}; half missing, on ${times(growth(setting.half))}, off ${times(growth(setting.offHalf))}`,
        verdict: grows(setting.on) && !grows(setting.off) ? 'reproduced' : 'not reproduced',
        remark: grows(setting.offHalf)
          ? 'Without its half the loss grows with the trick off too, where nothing is rotated.'
          : 'Counted as growing: 3 times the first or more.',
      }),
    ),
    ...light.flatMap((setting) =>
      [
        { name: 'mse(z, q)', pick: raw },
        { name: 'mse(z, q)/Var(z)', pick: relative },
      ].map(
        ({ name, pick }): Verdict => ({
          claim: `At a learning rate of 1e-3 the rotation trick lowers ${name} (${where(setting)}, both halves).`,
          expected: 'lower',
          measured: `on ${text(setting.on, pick)}, off ${text(setting.off, pick)}`,
          verdict: isHigher(setting.off, setting.on, pick),
          remark: `Each at the rate that suits it: [simvq-rotation-rate](simvq-rotation-rate.md). Reconstruction error/variance: on ${text(setting.on, errorOf)}, off ${text(setting.off, errorOf)}.`,
        }),
      ),
    ),
    ...heavy.map((setting): Verdict => {
      const usual = light.find(({ mlp }) => mlp === setting.mlp)?.on ?? [];
      return {
        claim: `A commitment weight of 1,000 does no harm with the trick on and both halves of the loss (${setting.transform}).`,
        expected: 'mse(z, q) does not grow; the reconstruction may suffer',
        predicted: null,
        measured: `mse(z, q) at most ${times(growth(setting.on))} the first, error/variance ${text(setting.on, errorOf)} against ${text(usual, errorOf)} at weight 1`,
        verdict:
          !grows(setting.on) && (errorOf(setting.on)?.mean ?? 1) < 1.1 * (errorOf(usual)?.mean ?? 0)
            ? 'reproduced'
            : 'not reproduced',
        remark: `Used codes ${countText(usedOf(setting.on)) ?? 'diverged'} against ${countText(usedOf(usual)) ?? 'diverged'} at weight 1. A weight that suits a loss of many terms summed is not one for a mean squared error of order 1.`,
      };
    }),
  ];
}

const LIBRARY = 'https://github.com/lucidrains/vector-quantize-pytorch';

function answerOf(rows: readonly Row[], steps: number): string {
  const settings = settingsOf(rows);
  const tally = (weight: number): string => {
    const found = settings.filter((each) => each.weight === weight);
    const words = {
      reproduced: 'higher',
      'not reproduced': 'lower',
      undecided: 'not told apart',
      'beyond reach here': '',
    };
    return found
      .map(
        (each) =>
          `${times(ratioOf(each.half, each.off))} with ${each.transform} (${words[isHigher(each.half, each.off)]})`,
      )
      .join(', ');
  };
  const compared = ({ weight, transform, half, on, off }: Setting): string =>
    `- weight ${whole(weight)}, ${transform}: **${endOf(half)}** with the trick on and half of the loss missing, **${endOf(off)}** with it off and both halves; ${endOf(on)} with it on and both halves`;
  const trusted = settings.every(({ half, on }) => ratioOf(half, on) > 1);
  const both = settings.map(({ on, off }) => ratioOf(on, off));
  const [plain] = settings as [Setting];
  const heavy = settings.filter(({ weight }) => weight === 1000);
  const peak = largest(plain.on, 'commitment');
  const traced = plain.on[0]?.trace.step.length ?? 0;
  const same = settings
    .filter(({ weight }) => weight === 1)
    .map(({ mlp, half }) =>
      ratioOf(settings.find((each) => each.weight === 1000 && each.mlp === mlp)?.half ?? [], half),
    );
  const obtuse = firstSpread(plain.on, 'obtuseShare')?.mean ?? 0;
  return [
    `**${trusted ? 'No: what makes it grow is a missing half of the loss.' : 'This run does not settle it.'}** In vector-quantize-pytorch 1.20.1 to 1.20.10 SimVQ with the trick on was trained by mse(sg z, q) alone, and with it off by mse(sg z, q) + 0.25 mse(z, sg q): whoever switched the trick off put the other half of the loss back. That is what users compared. mse(z, q) after ${steps} steps, with the trick on over off: at weight 1 ${tally(1)}; at weight 1,000, that of their reports, ${tally(1000)}:`,
    settings.map(compared).join('\n'),
    `With both halves on both sides the ratio is ${numberText(Math.min(...both), 2)} to ${numberText(Math.max(...both), 2)}. Without the second half nothing pulls z to its code, and the decoder sees q, whose value does not depend on the length of z, so that the reconstruction does not hold |z| either. The weight decides what is seen: with both halves 1,000 pins z to its code, while with the first alone, which trains the codebook only, 1,000 in place of 1 changes mse(z, q) by a factor of ${same.map((factor) => numberText(factor, 2)).join(' and ')}, for AdamW divides by the size of a gradient. The two halves have one value and differ in their gradients only, so that a log of either shows the same number. The releases themselves, with the half taken away and given back in the middle of a training: [simvq-library](simvq-library.md). On a convolutional autoencoder of speech, both halves logged: [simvq-speech-conv](simvq-speech-conv.md).`,
    `**What to set, and when to upgrade.** With vector-quantize-pytorch 1.20.1 to 1.20.10 and \`rotation_trick=True\`, which is the default: upgrade to 1.20.11 or later ([#177](${LIBRARY}/issues/177), [3aa6867](${LIBRARY}/commit/3aa6867)); or add \`0.25 * commitment_weight * F.mse_loss(x, quantized.detach())\` to the loss yourself. From 1.20.11 on, and here, both halves are there with the trick on and off. Leave \`commitment_weight\` at 1: at 1,000 with both halves ${heavy.map(({ transform, on }) => `${countText(usedOf(on)) ?? 'no'} (${transform})`).join(' and ')} of the codes stay in use. \`ResidualSimVQ\` returns one loss for each layer: sum them ([#184](${LIBRARY}/issues/184)). With \`VectorQuantize\`, sampled codes (\`stochastic_sample_codes\`) together with the trick are reported to diverge ([#223](${LIBRARY}/issues/223)). In vqkit the half has the option \`inputToQuantizeCommitLossWeight\`, 0.25 by default.`,
    `The rotation is no random matrix: it is the one rotation that takes z to its code. At the first step ${percent(obtuse)} of the tokens were more than 90 degrees from theirs. With a linear transform, weight 1 and both halves mse(z, q) with the trick on was at most ${numberText(peak)} at the ${traced} steps that are traced.`,
  ].join('\n\n');
}
