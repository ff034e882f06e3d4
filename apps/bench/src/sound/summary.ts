import type { Outcome, Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { type Difference, differenceOf, factorOf, factorText, isLower, sameWithin } from '../seeds.ts';
import { countText, spreadOf, spreadText } from '../training/summary.ts';
import { type Contender, LIGHT, PLAIN, RESIDUAL_FSQ, ROTATED, type Runs, TOKENS_PER_SECOND } from './contenders.ts';
import type { SoundRun } from './settings.ts';

/** How far means may be apart and count as the same. */
export const SAME_DB = 1;
export const SAME_MEL = 0.05;

/** Which quantizer suits speech, and whether PyTorch trains the same. */
export function speechOutcome(all: readonly Runs[]): Outcome {
  const verdicts = verdictsOf(all);
  return {
    tables: [tableOf(all), ...besideTorch(all)],
    plots: [],
    verdicts,
    answer: answerOf(all, verdicts),
    measurements: all.flatMap(({ name, vqkit }) => [
      { name: `${name}, SI-SDR`, unit: 'dB', better: 'higher' as const, samples: vqkit.map((own) => own.siSdrDb) },
    ]),
  };
}

const COLUMNS: readonly [title: string, of: (run: SoundRun) => number, digits: number][] = [
  ['SI-SDR, dB', ({ siSdrDb }) => siSdrDb, 3],
  ['mel distance', ({ melDistance }) => melDistance, 3],
  ['STFT distance', ({ stftDistance }) => stftDistance, 3],
  ['used codes', ({ used }) => used, 4],
  ['perplexity', ({ perplexity }) => perplexity, 3],
];
/** Of SimVQ alone. */
const COMMITMENT = ({ commitment }: SoundRun): number => commitment ?? Number.NaN;

function spread(runs: readonly SoundRun[], of: (run: SoundRun) => number, digits: number): string | null {
  return spreadText(spreadOf(runs.map(of)), digits);
}

function tableOf(all: readonly Runs[]): Table {
  return {
    title: 'After the last step: mean of the seeds, lowest to highest in brackets',
    columns: ['quantizer', 'bits a second', ...COLUMNS.map(([title]) => title), 'rms of z', 'mse(z, q)'],
    rows: all.map(({ name, bits, vqkit }) => [
      name,
      Math.round(bits * TOKENS_PER_SECOND),
      ...COLUMNS.map(([, of, digits]) => spread(vqkit, of, digits)),
      spread(vqkit, ({ latentRms }) => latentRms ?? Number.NaN, 2),
      spread(vqkit, COMMITMENT, 2) ?? 'none',
    ]),
  };
}

const both = ({ torch }: Runs): boolean => torch.length > 0;
const difference = ({ vqkit, torch }: Runs, of: (run: SoundRun) => number): Difference | undefined =>
  differenceOf(vqkit.map(of), torch.map(of));
const db = ({ siSdrDb }: SoundRun): number => siSdrDb;
const mel = ({ melDistance }: SoundRun): number => melDistance;

function besideTorch(all: readonly Runs[]): Table[] {
  if (!all.some(both)) return [];
  return [
    {
      title: 'Beside PyTorch, from the same weights on the same segments',
      columns: ['quantizer', 'by', ...COLUMNS.map(([title]) => title), 'seconds a step'],
      rows: all.filter(both).flatMap(({ name, vqkit, torch }) =>
        (
          [
            ['vqkit', vqkit],
            ['PyTorch', torch],
          ] as const
        ).map(([by, runs]) => [
          name,
          by,
          ...COLUMNS.map(([, of, digits]) => spread(runs, of, digits)),
          spread(runs, ({ secondsPerStep }) => secondsPerStep, 2),
        ]),
      ),
    },
  ];
}

/** Whether the mean lies among PyTorch's seeds, which a margin narrower than their spread does not say. */
function rangeText(runs: Runs, of: (run: SoundRun) => number): string {
  const theirs = runs.torch.map(of);
  const mean = meanOf(runs, of);
  return ` vqkit's mean lies ${Math.min(...theirs) <= mean && mean <= Math.max(...theirs) ? 'within' : 'outside'} PyTorch's seeds.`;
}

function verdictsOf(all: readonly Runs[]): Verdict[] {
  const same = all.filter(both).flatMap((runs): Verdict[] => {
    const [ofDb, ofMel] = [difference(runs, db), difference(runs, mel)];
    const reference = spreadOf(runs.torch.map(mel))?.mean ?? 1;
    const text = (found: Difference | undefined, unit: string): string =>
      found === undefined
        ? 'One seed shows no spread.'
        : `Difference of the means: ${numberText(found.low, 2)} to ${numberText(found.high, 2)}${unit} with 95 % confidence.`;
    return [
      {
        claim: `${runs.name}: the SI-SDR of PyTorch`,
        expected: `means within ${SAME_DB} dB`,
        measured: `${spread(runs.vqkit, db, 3)} against ${spread(runs.torch, db, 3)} dB`,
        verdict: sameWithin(ofDb, SAME_DB),
        remark: text(ofDb, ' dB') + rangeText(runs, db),
      },
      {
        claim: `${runs.name}: the mel distance of PyTorch`,
        expected: `means within ${100 * SAME_MEL} %`,
        measured: `${spread(runs.vqkit, mel, 3)} against ${spread(runs.torch, mel, 3)}`,
        verdict: sameWithin(ofMel, SAME_MEL * reference),
        remark: text(ofMel, '') + rangeText(runs, mel),
      },
    ];
  });
  const less = (claim: string, better: Runs, worse: Runs, predicted = true): Verdict => ({
    claim,
    expected: predicted ? 'a smaller mel distance' : 'no: an earlier run had it the other way round',
    predicted,
    measured: `${spread(better.vqkit, mel, 3)} against ${spread(worse.vqkit, mel, 3)}`,
    verdict: isLower(differenceOf(better.vqkit.map(mel), worse.vqkit.map(mel))),
    remark: `SI-SDR ${spread(better.vqkit, db, 3)} against ${spread(worse.vqkit, db, 3)} dB.`,
  });
  const [rotated, plain, light] = [ROTATED, PLAIN, LIGHT].map((contender) => runsOf(all, contender)) as [
    Runs,
    Runs,
    Runs,
  ];
  return [
    ...duelsOf(rotated, plain).map(({ claim, of, digits, verdict, interval, expected, predicted }) => ({
      claim: `SimVQ, weight 1,000: the rotation trick ${claim}`,
      expected,
      predicted,
      measured: `${spread(rotated.vqkit, of, digits)} with it against ${spread(plain.vqkit, of, digits)} without`,
      verdict,
      remark: interval,
    })),
    less('SimVQ with the rotation: better with weight 1 than with weight 1,000', light, rotated, false),
    less(
      'Residual FSQ is better than SimVQ with weight 1,000, at three times its bits',
      runsOf(all, RESIDUAL_FSQ),
      rotated,
    ),
    ...same,
  ];
}

/** What the rotation trick may change. */
interface Duel {
  readonly claim: string;
  readonly quantity: string;
  readonly of: (run: SoundRun) => number;
  readonly digits: number;
  readonly verdict: Verdict['verdict'];
  readonly interval: string;
  readonly expected: string;
  readonly predicted: boolean | null;
}

/** Straight-through against rotation, each quantity by the interval of the difference; mse(z, q), which differs by factors, by that of the ratio. */
function duelsOf(rotated: Runs, plain: Runs): Duel[] {
  const unsaid = { expected: 'not said before the run', predicted: null } as const;
  const difference = (of: (run: SoundRun) => number, digits: number) => {
    const found = differenceOf(rotated.vqkit.map(of), plain.vqkit.map(of));
    const interval =
      found === undefined
        ? 'One seed shows no spread.'
        : `Difference of the means: ${numberText(found.mean, digits)} (${numberText(found.low, digits)} to ${numberText(found.high, digits)}).`;
    return { of, found, interval };
  };
  const isHigher = (of: (run: SoundRun) => number): Verdict['verdict'] =>
    isLower(differenceOf(plain.vqkit.map(of), rotated.vqkit.map(of)));
  const [byMel, byDb, byUse] = [difference(mel, 2), difference(db, 2), difference(({ used }) => used, 3)];
  const factor = factorOf(rotated.vqkit.map(COMMITMENT), plain.vqkit.map(COMMITMENT));
  return [
    {
      ...unsaid,
      ...byMel,
      claim: 'lowers the mel distance',
      quantity: 'mel distance',
      digits: 3,
      verdict: isLower(byMel.found),
    },
    { ...unsaid, ...byDb, claim: 'raises the SI-SDR', quantity: 'SI-SDR, dB,', digits: 3, verdict: isHigher(byDb.of) },
    {
      ...unsaid,
      ...byUse,
      claim: 'brings more codes into use',
      quantity: 'used codes',
      digits: 4,
      verdict: isHigher(byUse.of),
    },
    {
      claim: 'lowers mse(z, q)',
      quantity: 'mse(z, q)',
      of: COMMITMENT,
      digits: 2,
      verdict: isLower(
        factor === undefined ? undefined : { mean: 0, low: Math.log(factor.low), high: Math.log(factor.high) },
      ),
      interval: `Ratio: ${factorText(factor)}.`,
      expected: 'lower',
      predicted: true,
    },
  ];
}

function answerOf(all: readonly Runs[], verdicts: readonly Verdict[]): string {
  const ratio = ({ name, bits, vqkit }: Runs): string =>
    `- ${name}, ${Math.round(bits * TOKENS_PER_SECOND)} bits a second: SI-SDR **${spread(vqkit, db, 3)} dB**, mel distance ${spread(vqkit, mel, 3)}, ${usedText({ vqkit })} codes in use, latents of rms ${spread(vqkit, ({ latentRms }) => latentRms ?? 0, 2)}`;
  const best = all.reduce((one, other) => (meanOf(other, db) > meanOf(one, db) ? other : one));
  const [rotated, plain, light] = [ROTATED, PLAIN, LIGHT].map((contender) => runsOf(all, contender)) as [
    Runs,
    Runs,
    Runs,
  ];
  const heard =
    meanOf(best, db) > 0 ? 'the waveform itself comes back' : 'after so few steps the waveform does not come back yet';
  const same = verdicts.filter(({ claim }) => / of PyTorch$/.test(claim));
  const parity =
    same.length === 0
      ? 'PyTorch was not measured.'
      : `Beside PyTorch ${same.filter(({ verdict }) => verdict === 'reproduced').length} of ${same.length} comparisons are the same within their margins, ${same.filter(({ verdict }) => verdict === 'undecided').length} undecided.`;
  const told = {
    reproduced: 'yes',
    'not reproduced': 'the other way round',
    undecided: 'not told apart',
    'beyond reach here': '',
  };
  const duels = duelsOf(rotated, plain).map(
    ({ quantity, of, digits, verdict, claim }) =>
      `${quantity} ${spread(rotated.vqkit, of, digits)} with it and ${spread(plain.vqkit, of, digits)} without (${claim}: ${told[verdict]})`,
  );
  const byWeight = isLower(differenceOf(light.vqkit.map(mel), rotated.vqkit.map(mel)));
  const weight = {
    reproduced: 'lower with weight 1',
    'not reproduced': 'lower with 1,000',
    undecided: 'not told apart',
    'beyond reach here': '',
  }[byWeight];
  const rms = (runs: Runs): string | null => spread(runs.vqkit, ({ latentRms }) => latentRms ?? Number.NaN, 2);
  return [
    `**${best.name[0]?.toUpperCase()}${best.name.slice(1)}: an SI-SDR of ${spread(best.vqkit, db, 3)} dB, ${heard}. SimVQ of weight 1,000 has ${spread(rotated.vqkit, db, 3)} dB with the rotation trick and ${spread(plain.vqkit, db, 3)} dB without.** ${parity}`,
    `The rotation trick in SimVQ of weight 1,000, both halves of the loss: ${duels.join('; ')}.`,
    all.map(ratio).join('\n'),
    `The weight of SimVQ, with the rotation: the mel distance is ${weight}; the rms of the latents is ${rms(rotated)} with 1,000 and ${rms(light)} with 1. Residual FSQ has three times the bits and no codes that must follow, and is preset \`speech\`; \`--quantizer simvq\` is the article's case, with \`--no-rotation\` for the other half. Without a network of convolutions: [speech-simvq-rotation](speech-simvq-rotation.md). At its own size, after 2,000 steps of four times as many segments, it has 5.3 dB: [what is heard](speech-heard.md).`,
  ].join('\n\n');
}

function usedText({ vqkit }: Pick<Runs, 'vqkit'>): string | null {
  return countText(spreadOf(vqkit.map(({ used }) => used)));
}

function runsOf(all: readonly Runs[], contender: Contender): Runs {
  return all.find(({ name }) => name === contender.name) as Runs;
}

function meanOf({ vqkit }: Runs, of: (run: SoundRun) => number): number {
  return vqkit.reduce((sum, own) => sum + of(own), 0) / vqkit.length;
}
