import { dataOrReason, type SourceOrReason } from '../data/images.ts';
import type { Data } from '../data/source.ts';
import type { Experiment, ExperimentContext, Outcome, Table, Verdict } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { differenceOf, isBelow, lowestText } from '../seeds.ts';
import { type Cell, type CellTraining, trainCell } from '../training/cells.ts';
import {
  lastSpread,
  meanPercent,
  measurement,
  percent,
  spreadText,
  testSpread,
  testText,
  usedText,
} from '../training/summary.ts';
import type { KeptRun } from '../training/trace.ts';
import {
  BATCH,
  BOTH,
  ema,
  FURTHER,
  fsq,
  low,
  METHODS,
  type Method,
  MIDDLE,
  meanOf,
  type Pick,
  plain,
  type Quality,
  type Row,
  rescued,
  runsOf,
  STEPS,
  simvq,
  sizes,
  sizesOf,
  tokensOf,
  uniformShare,
  used,
} from './collapse-methods.ts';
import { plotsOf } from './collapse-plots.ts';

/** The sweep over codebook sizes on one kind of data. */
export interface CollapseSweep {
  readonly name: string;
  /** As the question says it, such as `on patches of MNIST`. */
  readonly where: string;
  /** Sentences about the data. */
  readonly data: string;
  readonly source: Data;
  /** Further data, measured at K = 1,024 for the main methods. */
  further?(context: { readonly dataDir: string | undefined }): Promise<readonly SourceOrReason[]>;
}

/** Which methods keep using their codes as the codebook grows, and does a larger codebook make better reconstructions? */
export function collapseExperiment(sweep: CollapseSweep): Experiment {
  return {
    name: sweep.name,
    question: `Which quantizers keep using their codes as the codebook grows, and what does it buy? (${sweep.where})`,
    method: [
      `${sweep.data} An autoencoder of tokens with one hidden layer of 128 on each side and d features to quantize, mean squared error`,
      `and AdamW 1e-3, ${BATCH} tokens a step, ${STEPS} steps; K from 64 to 4,096. Plain VQ: d = 32, codes trained by gradient from near 0,`,
      'straight-through, commitment 0.25. EMA: moving averages (decay 0.8) in place of the gradient. Rescued: EMA with k-means++ on the',
      'first batch, and a code whose moving cluster size falls below a fifth of the average is replaced by a token. SimVQ: d = 32, linear',
      'transform, rotation trick. FSQ: levels of the paper. LFQ: spherical, entropy weight 0.1, τ = 100. Used codes and perplexity are of',
      'the test tokens.',
    ].join(' '),
    expected:
      'Plain VQ uses about as many codes whatever K is, so a falling share; fewer features or EMA with k-means and revival rescue it to a point. SimVQ and FSQ use nearly all codes, though not evenly: perplexity/K stays below 1. The reconstruction gets better with K for FSQ and SimVQ and hardly for plain VQ.',
    async parts(context) {
      const further = (await sweep.further?.(context)) ?? [];
      const swept = sizesOf(context.quick).length * METHODS.length;
      const repeated = further.filter(({ open }) => open !== undefined).length * FURTHER.length;
      return further.length + (swept + 1 + repeated) * context.seeds.length;
    },
    run: (context) => run(context, sweep),
  };
}

const FOLLOW = { follow: ['utilization'] } as const;

async function run(context: ExperimentContext, sweep: CollapseSweep): Promise<Outcome> {
  const training: CellTraining = context.quick
    ? { steps: 20, points: 3, batch: BATCH }
    : { steps: STEPS, batch: BATCH };
  const { source } = sweep;
  const quality: Quality =
    source.range === undefined
      ? { name: 'SNR', pick: (test) => -10 * Math.log10(test.relativeError) }
      : { name: 'PSNR', pick: (test) => test.psnrDb };
  const rows: Row[] = [];
  for (const k of sizesOf(context.quick)) {
    for (const method of METHODS) rows.push(await rowOf(context, source, method, k, training));
  }
  const trained = await trainCell(context, source, BOTH, training, FOLLOW);
  const further: Table[] = [];
  for (const each of (await sweep.further?.(context)) ?? []) further.push(await furtherTable(context, each, training));
  return {
    tables: [...sweepTables(rows, source.name, quality), detailTable(rows, trained, quality), ...further],
    plots: plotsOf(rows, quality),
    verdicts: verdictsOf(rows, trained, quality),
    answer: answerOf(rows, source.name, quality),
    measurements: rows.flatMap(({ method, k, runs }) => [
      ...measurement(`${method.name}, K = ${k}: used codes`, 'codes', 'higher', runs, (test) => test.usedCodes),
      ...measurement(`${method.name}, K = ${k}: ${quality.name}`, 'dB', 'higher', runs, quality.pick),
    ]),
  };
}

async function rowOf(
  context: ExperimentContext,
  source: Data,
  method: Method,
  k: number,
  training: CellTraining,
): Promise<Row> {
  const cell: Cell = { name: `${method.name}, K = ${k}`, quantizer: method.quantizer(k) };
  return { method, k, runs: await trainCell(context, source, cell, training, FOLLOW) };
}

const share: Pick = (test) => test.utilization;

function sweepTables(rows: readonly Row[], where: string, quality: Quality): Table[] {
  const sweep = (title: string, pick: Pick): Table => ({
    title,
    columns: ['method', ...sizes(rows).map((k) => `K = ${k} (${numberText(Math.log2(k))} bits per token)`)],
    rows: METHODS.map((method) => [method.name, ...sizes(rows).map((k) => testText(runsOf(rows, method, k), pick))]),
  });
  return [
    sweep(`Used codes of K, ${where} (K of FSQ: 64, 240, 1,000, 4,375)`, used),
    sweep('Perplexity', (test) => test.perplexity),
    sweep(`${quality.name}, dB`, quality.pick),
  ];
}

/** Utilization and perplexity side by side, and utilization over two windows. */
function detailTable(rows: readonly Row[], trained: readonly KeptRun[], quality: Quality): Table {
  const line = (name: string, runs: readonly KeptRun[]): (string | number | null)[] => [
    name,
    testSpread(runs, (test) => test.bitsPerToken)?.mean ?? null,
    spreadText(testSpread(runs, (test) => test.entropyBits)),
    meanPercent(testSpread(runs, share)),
    meanPercent(testSpread(runs, (test) => test.utilizationOfExpected)),
    meanPercent(lastSpread(runs, 'utilization')),
    meanPercent(testSpread(runs, (test) => test.perplexityShare)),
    meanPercent(testSpread(runs, (test) => test.topCodeShare)),
    spreadText(testSpread(runs, quality.pick), 4),
  ];
  return {
    title: 'Perplexity is not utilization, and utilization depends on how many tokens are counted',
    columns: [
      'method',
      'bits per token',
      'entropy, bits',
      'used codes, all test tokens',
      'of those uniform draws would use',
      'used codes, 2,048 tokens',
      'perplexity/K',
      'share of the most frequent code',
      `${quality.name}, dB`,
    ],
    rows: [...rows.map(({ method, k, runs }) => line(`${method.name}, K = ${k}`, runs)), line(BOTH.name, trained)],
  };
}

/** Other data at one size of codebook, or the reason why not. */
async function furtherTable(
  context: ExperimentContext,
  further: SourceOrReason,
  training: CellTraining,
): Promise<Table> {
  const columns = ['method', 'used codes', 'perplexity', 'PSNR, dB', 'bits per token'];
  const found = await dataOrReason(context, further);
  if (!('open' in found)) {
    const rows = FURTHER.map(({ name }) => [name, null, null, null, null]);
    return { title: `${further.name}: not measured (${found.reason})`, columns, rows };
  }
  const rows: Row[] = [];
  for (const method of FURTHER) rows.push(await rowOf(context, found, method, MIDDLE, training));
  return {
    title: `${further.name}, K = ${MIDDLE}`,
    columns,
    rows: rows.map(({ method, runs }) => [
      method.name,
      testText(runs, used),
      testText(runs, (test) => test.perplexity),
      testText(runs, (test) => test.psnrDb),
      testSpread(runs, (test) => test.bitsPerToken)?.mean ?? null,
    ]),
  };
}

function verdictsOf(rows: readonly Row[], trained: readonly KeptRun[], quality: Quality): Verdict[] {
  const { name: db, pick: psnr } = quality;
  const ks = sizes(rows);
  const [smallest, largest] = [Math.min(...ks), Math.max(...ks)];
  const list = (method: Method, pick: Pick, text: (value: number) => string): string =>
    ks.map((k) => `K = ${k}: ${text(meanOf(rows, method, k, pick))}`).join(', ');
  const number = (value: number): string => numberText(value);
  const count = (value: number): string => String(Math.round(value));
  const at = (method: Method, pick: Pick): number => meanOf(rows, method, largest, pick);
  const rises = (method: Method): boolean =>
    ks.slice(1).every((k, i) => meanOf(rows, method, k, psnr) > meanOf(rows, method, ks[i] as number, psnr));
  const gain = (method: Method): number => at(method, psnr) - meanOf(rows, method, smallest, psnr);
  const keeps = (method: Method): Verdict => ({
    claim: `${method.name} keeps using all its codes.`,
    expected: 'at least 95 % of those that as many uniform draws would use, for every K',
    measured: list(method, (test) => test.utilizationOfExpected, percent),
    verdict: ks.every((k) => meanOf(rows, method, k, (test) => test.utilizationOfExpected) >= 0.95)
      ? 'reproduced'
      : 'not reproduced',
    remark: `Perplexity/K: ${list(method, (test) => test.perplexityShare, percent)}. The most frequent code takes ${percent(at(method, (test) => test.topCodeShare))} of the tokens at K = ${largest}.`,
  });
  const uneven = rows.filter(
    ({ method, k }) =>
      meanOf(rows, method, k, share) >= 0.8 && meanOf(rows, method, k, (test) => test.perplexityShare) <= 0.5,
  );
  const frozen = runsOf(rows, simvq, MIDDLE);
  return [
    {
      claim: 'The share of codes that plain VQ uses falls as K grows.',
      expected: 'used codes stay about the same',
      measured: `used codes ${list(plain, used, count)}`,
      verdict: at(plain, share) < 0.5 * meanOf(rows, plain, smallest, share) ? 'reproduced' : 'not reproduced',
      remark: `Utilization ${list(plain, share, percent)}.`,
    },
    {
      claim: 'EMA with k-means and revival rescues VQ, to a point.',
      expected: 'several times the used codes of plain VQ',
      measured: `used codes ${list(rescued, used, count)}; EMA alone ${list(ema, used, count)}`,
      verdict: at(rescued, used) > 3 * at(plain, used) ? 'reproduced' : 'not reproduced',
      remark: `${db} ${list(rescued, psnr, number)} dB, against SimVQ ${list(simvq, psnr, number)} dB. At K = ${largest} a step has fewer tokens than there are codes, so that revival keeps replacing codes.`,
    },
    {
      claim: 'A low code dimension rescues VQ.',
      expected: 'more used codes with 4 features than with 32',
      measured: `4 features: ${list(low, used, count)}; 32 features: ${list(plain, used, count)}`,
      verdict: at(low, used) > 2 * at(plain, used) ? 'reproduced' : 'not reproduced',
      remark: `${db} with 4 features: ${list(low, psnr, number)}; with 32: ${list(plain, psnr, number)}.`,
    },
    keeps(simvq),
    keeps(fsq),
    {
      claim: `${db} grows with K for FSQ and SimVQ, and not for plain VQ.`,
      expected: 'a gain at every step of K for the two, a smaller one in all for plain VQ',
      measured: `FSQ ${list(fsq, psnr, number)} dB; SimVQ ${list(simvq, psnr, number)} dB; plain VQ ${list(plain, psnr, number)} dB`,
      verdict:
        rises(fsq) && rises(simvq) && gain(plain) < 0.5 * Math.min(gain(fsq), gain(simvq))
          ? 'reproduced'
          : 'not reproduced',
      remark: `From K = ${smallest} to ${largest}: FSQ ${signed(gain(fsq))}, SimVQ ${signed(gain(simvq))}, plain VQ ${signed(gain(plain))} dB, for ${numberText(Math.log2(largest / smallest))} more bits per token.`,
    },
    {
      claim: 'Perplexity is not utilization.',
      expected: 'codebooks used by 80 % and more with a perplexity of half of K or less',
      measured:
        uneven.length === 0
          ? 'no such codebook in this run'
          : uneven
              .map(
                ({ method, k }) =>
                  `${method.name}, K = ${k}: used ${percent(meanOf(rows, method, k, share))}, perplexity/K ${percent(meanOf(rows, method, k, (test) => test.perplexityShare))}`,
              )
              .join('; '),
      verdict: uneven.length > 0 ? 'reproduced' : 'not reproduced',
      remark:
        'A code counts as used when one test token takes it. Counted over 2,048 tokens the shares are lower; see the table.',
    },
    {
      claim: 'SimVQ does not gain from training its vectors too.',
      expected: 'the same use of codes, no better reconstruction',
      measured: `K = ${MIDDLE}: ${db} ${spreadText(testSpread(trained, psnr), 4)} dB with, ${spreadText(testSpread(frozen, psnr), 4)} without; used codes ${usedText(trained)} and ${usedText(frozen)}`,
      verdict: isBelow(differenceOf(testSpread(trained, psnr)?.samples, testSpread(frozen, psnr)?.samples), 0.1),
      remark:
        'Reproduced when the 95 % interval of the difference of the means lies below 0.1 dB. Their paper has 2.31 against 2.24 rFID on ImageNet, both with all codes in use.',
    },
  ];
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${numberText(Math.abs(value), 2)}`;
}

function answerOf(rows: readonly Row[], where: string, quality: Quality): string {
  const { name: db, pick: psnr } = quality;
  const ks = sizes(rows);
  const [smallest, largest] = [Math.min(...ks), Math.max(...ks)];
  const line = (method: Method): string =>
    `- ${method.name}: ${Math.round(meanOf(rows, method, smallest, used))} used codes at K = ${smallest}, ${Math.round(meanOf(rows, method, largest, used))} at K = ${largest} (${percent(meanOf(rows, method, largest, share))}; perplexity ${numberText(meanOf(rows, method, largest, (test) => test.perplexity))}), ${db} ${numberText(meanOf(rows, method, smallest, psnr), 4)} to ${numberText(meanOf(rows, method, largest, psnr), 4)} dB`;
  const at = (method: Method): readonly KeptRun[] =>
    rows.find((row) => row.method === method && row.k === largest)?.runs ?? [];
  // The highest of what is better when it is higher.
  const best = lowestText(
    METHODS,
    ({ name }) => name,
    (method) => testSpread(at(method), psnr)?.samples.map((value) => -value),
  );
  const widest = [...METHODS].sort(
    (a, b) => meanOf(rows, b, largest, share) - meanOf(rows, a, largest, share),
  )[0] as Method;
  const shares = [plain, rescued, simvq, fsq].map(
    (method) => `${method.name} ${percent(meanOf(rows, method, largest, share))}`,
  );
  return [
    `**Of the codes of K = ${largest} are used: ${shares.join('; ')}. The best reconstructions: ${best}.**`,
    `From K = ${smallest} to ${largest} (${numberText(Math.log2(smallest))} to ${numberText(Math.log2(largest))} bits per token), ${where}, where FSQ's most frequent code takes ${percent(meanOf(rows, fsq, largest, (test) => test.topCodeShare))} of the tokens:`,
    METHODS.map(line).join('\n'),
    `At K = ${largest} ${widest.name} uses the largest share of its codes; the best reconstructions: ${best}${best.startsWith(widest.name) ? '' : ', so that using more codes is not the same as being better'}. The training is short (see below), so the numbers of the papers are not to be expected; what is compared is the order.`,
    `Codes are counted over ${tokensOf(rows).toLocaleString('en-US')} test tokens: as many uniform draws would use ${percent(uniformShare(rows))} of ${largest} codes, which is the line in the picture. Methods differ in more than their name: the features that are quantized are 2 to 32, and one learning rate, tuned for none, serves all.`,
  ].join('\n\n');
}
