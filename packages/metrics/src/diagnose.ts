import { requireInteger, requireKnownOptions, requirePositive } from '@vqkit/core-tensor/check';
import type { CodebookRank } from './codebook-rank.ts';
import type { CodebookReport, TrackerReport } from './report.ts';
import { diagnosisThresholds as limits } from './thresholds.ts';

/** What the diagnosis asks of a method. */
export interface DiagnosedMethod {
  /** Whether each bit of an index is a feature, as in LFQ: only then are bits judged. Default false. */
  readonly codesAreBits?: boolean | undefined;
  /** What to try, where that is better than the general advice. */
  readonly remedies?: Readonly<Partial<Record<Problem, string>>> | undefined;
}

/** What the report cannot know. Everything is optional; a rule that needs something absent is not judged. */
export interface DiagnoseContext {
  /** What is known of the quantizer: its entry in the registry of `@vqkit/quantizers`, or what you know. */
  readonly method?: DiagnosedMethod | undefined;
  /** True when the gradient is rotated (rotation trick). */
  readonly rotationTrick?: boolean | undefined;
  /** Tokens of the window that are no padding, by your own count. */
  readonly realTokens?: number | undefined;
  /** Tokens over which the batch entropy is taken, when it spans several updates (workers or micro-batches). */
  readonly entropyTokens?: number | undefined;
  /** Root mean square of an element of z at the start of training, when the tracker was created later. */
  readonly initialRms?: number | undefined;
  /** Root mean square of an element of a code, when the updates carry none (LFQ: its `codebookScale`). Leave out if spherical. */
  readonly codeRms?: number | undefined;
  /** Result of `usedCodebookRank` on the codebook. */
  readonly rank?: CodebookRank | undefined;
}

export type Problem =
  | 'no tokens'
  | 'collapse'
  | 'scale drift'
  | 'saturated probabilities'
  | 'over-rotation'
  | 'padded tokens counted'
  | 'batch too small'
  | 'dead bits'
  | 'dimensional collapse';

export interface Diagnosis {
  readonly problem: Problem;
  readonly severity: 'warning' | 'critical';
  /** One sentence with the numbers that were seen and the limits they crossed. */
  readonly evidence: string;
  /** What to try, most likely first. */
  readonly remedy: string;
}

const CONTEXT_KEYS = [
  'method',
  'rotationTrick',
  'realTokens',
  'entropyTokens',
  'initialRms',
  'codeRms',
  'rank',
] as const;

type Rule = (report: TrackerReport, context: DiagnoseContext) => Diagnosis | undefined;

/**
 * Names what is wrong with a run, with the numbers it saw and the remedy to try; critical problems first. An empty list is a healthy
 * run, as far as the report can tell. Low perplexity alone is no problem: real data are skewed, and perplexity is not utilization.
 *
 * Judge a window of many updates after warm-up: an untrained quantizer fails several of these rules. All limits and their reasons
 * are in `diagnosisThresholds`.
 *
 * @throws OptionError for unknown keys or bad numbers in the context.
 * @example
 * for (const { problem, evidence, remedy } of diagnose(tracker.report(), { method: { codesAreBits: true } })) {
 *   console.warn(`${problem}: ${evidence} ${remedy}`);
 * }
 */
export function diagnose(report: TrackerReport, context: DiagnoseContext = {}): Diagnosis[] {
  requireKnownOptions('diagnose', context, CONTEXT_KEYS);
  const { realTokens, entropyTokens, initialRms, codeRms } = context;
  if (realTokens !== undefined) requireInteger('diagnose', 'realTokens', realTokens, 0);
  if (entropyTokens !== undefined) requireInteger('diagnose', 'entropyTokens', entropyTokens, 1);
  if (initialRms !== undefined) requirePositive('diagnose', 'initialRms', initialRms);
  if (codeRms !== undefined) requirePositive('diagnose', 'codeRms', codeRms);
  if (report.tokens === 0) return [noTokens(report)];
  const found = RULES.map((rule) => rule(report, context)).filter((diagnosis) => diagnosis !== undefined);
  return found.sort((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical'));
}

const noTokens = (report: TrackerReport): Diagnosis => ({
  problem: 'no tokens',
  severity: 'critical',
  evidence: `0 tokens were counted in ${report.updates} updates; ${report.ignoredTokens} were padding.`,
  remedy: 'Call update() before report(), and check that the mask is 1 for real tokens.',
});

const collapse: Rule = (report, { method }) => {
  const judged = report.codebooks.filter((book) => book.tokens >= limits.leastTokens);
  const few = (book: CodebookReport): boolean => book.utilizationOfExpected < limits.lowUtilization;
  const peaked = (book: CodebookReport): boolean =>
    book.codebookSize >= limits.smallestJudgedCodebook && book.perplexity < limits.collapsedPerplexity;
  const collapsed = judged.filter((book) => few(book) || peaked(book));
  if (collapsed.length === 0) return undefined;
  const critical = collapsed.some((book) => peaked(book) || book.utilizationOfExpected < limits.collapsedUtilization);
  const parts = collapsed.map(
    (book) =>
      `${nameOf(book, report)}${count(book.usedCodes)} of ${count(book.codebookSize)} codes used by ${count(book.tokens)} tokens (uniform draws would use ${count(book.expectedUsedCodes)}), perplexity ${number(book.perplexity)}, the top code takes ${percent(book.topCodeShare)}`,
  );
  return {
    problem: 'collapse',
    severity: critical ? 'critical' : 'warning',
    evidence: `${parts.join('; ')}; limits: ${percent(limits.lowUtilization)} of the expected codes, perplexity ${limits.collapsedPerplexity}.`,
    remedy: `Check first that the gradient reaches the encoder (train on \`quantized\`, not on decode(indices)). ${method?.remedies?.collapse ?? COLLAPSE_REMEDY}`,
  };
};

const COLLAPSE_REMEDY =
  'Warm up the learning rate, normalise the latents before quantizing, or use fewer code dimensions.';

const scaleDrift: Rule = ({ latents }, { method, codeRms, initialRms = latents?.initialRms }) => {
  if (latents === undefined) return undefined;
  const growth = initialRms ? latents.rms / initialRms : 1;
  const ratio = latents.pairs?.normRatio || (codeRms !== undefined ? codeRms / latents.rms : undefined);
  const drifted = ratio === undefined ? growth > limits.rmsGrowth : ratio < limits.shortCodes;
  if (!drifted) return undefined;
  const beside =
    ratio === undefined
      ? ` (limit ${limits.rmsGrowth})`
      : `; codes are ${number(ratio)} times as long as their latents (limit ${limits.shortCodes})`;
  const remedy =
    method?.remedies?.['scale drift'] ??
    'Bound the scale: a commitment term to the latents (both halves of the loss, also with the rotation trick) or a norm layer before the quantizer.';
  return {
    problem: 'scale drift',
    severity: ratio !== undefined && ratio < limits.veryShortCodes ? 'critical' : 'warning',
    evidence: `Latents have rms ${number(latents.rms)}, ${number(growth)} times that at the start${beside}.`,
    remedy,
  };
};

const saturation: Rule = (report) => {
  const { perSample, codebook, attainable } = report.entropies ?? {};
  if (perSample === undefined || attainable === undefined) return undefined;
  const [book] = report.codebooks;
  if (book === undefined || book.codebookSize < 2) return undefined;
  const perBit = perSample / Math.log2(book.codebookSize);
  const reached = codebook ?? report.entropy;
  if (perBit >= limits.saturatedEntropyPerBit || reached >= limits.reachedEntropy * attainable) return undefined;
  return {
    problem: 'saturated probabilities',
    severity: 'warning',
    evidence: `Per-sample entropy is ${number(perSample)} nats, ${number(perBit)} per bit (limit ${limits.saturatedEntropyPerBit}), while the codebook entropy is ${number(reached)} of ${number(attainable)} attainable nats: the entropy loss has almost no gradient left.`,
    remedy:
      'Normalise the latents (spherical: true or a norm layer); beside that lower invTemperature, for example 100 → 10. Alone a lower one does not help for long: the latents grow until it is saturated too.',
  };
};

const overRotation: Rule = ({ latents }, { rotationTrick }) => {
  const pairs = latents?.pairs;
  if (rotationTrick !== true || pairs === undefined) return undefined;
  const { obtuseShare, normRatio } = pairs;
  if (obtuseShare <= limits.obtuseShare && normRatio <= limits.longCodes) return undefined;
  return {
    problem: 'over-rotation',
    severity: obtuseShare > limits.manyObtuse ? 'critical' : 'warning',
    evidence: `${percent(obtuseShare)} of the latents are more than 90° from their code (limit ${percent(limits.obtuseShare)}), codes are ${number(normRatio)} times as long (limit ${limits.longCodes}).`,
    remedy:
      'Use straight-through for this run, or keep latents and codes away from 0: a norm layer before the quantizer, a larger codebook initialisation, clamped gradient scale.',
  };
};

const padding: Rule = (report, { realTokens }) => {
  const { tokens, maskedTokensWithIndex, latents } = report;
  const zeroShare = latents?.zeroShare ?? 0;
  const facts: string[] = [];
  if (maskedTokensWithIndex > 0)
    facts.push(`${count(maskedTokensWithIndex)} masked tokens carry an index instead of -1`);
  if (realTokens !== undefined && tokens > realTokens) {
    facts.push(`${count(tokens)} tokens were counted but ${count(realTokens)} are real`);
  }
  if (zeroShare > limits.zeroLatents) {
    facts.push(`${percent(zeroShare)} of the counted latents are exactly zero (limit ${percent(limits.zeroLatents)})`);
  }
  if (facts.length === 0) return undefined;
  return {
    problem: 'padded tokens counted',
    severity: 'warning',
    evidence: `${facts.join('; ')}.`,
    remedy:
      'Pass the same mask to quantize() and to update(); if nothing is padded, zero latents point to a dead encoder output.',
  };
};

const smallBatch: Rule = ({ entropies }, { entropyTokens }) => {
  if (entropies === undefined) return undefined;
  const { perSample = 0, logCodebookSize } = entropies;
  const logTokens = entropyTokens === undefined ? entropies.logTokens : Math.log(entropyTokens);
  if (logTokens + perSample >= logCodebookSize - limits.entropyRounding) return undefined;
  return {
    problem: 'batch too small',
    severity: 'warning',
    evidence: `The batch entropy is taken over ${count(Math.exp(logTokens))} tokens, so that it can reach ln N + per-sample = ${number(logTokens + perSample)} nats, below ln K = ${number(logCodebookSize)}.`,
    remedy: `Use ${count(Math.ceil(Math.exp(logCodebookSize - perSample)))} or more tokens: a larger batch, or average the code probabilities over workers or micro-batches before the entropy; or a smaller codebook.`,
  };
};

const deadBits: Rule = (report, { method }) => {
  if (method?.codesAreBits !== true) return undefined;
  const dead = report.codebooks.flatMap((book) => {
    if (book.tokens < limits.leastTokens) return [];
    return (book.bitShares ?? []).flatMap((share, bit) =>
      Math.min(share, 1 - share) < limits.deadBitShare ? [`${nameOf(book, report)}bit ${bit}: ${percent(share)}`] : [],
    );
  });
  if (dead.length === 0) return undefined;
  return {
    problem: 'dead bits',
    severity: 'warning',
    evidence: `Share of ones of ${dead.join(', ')} (bit 0 is the most significant; limits ${percent(limits.deadBitShare)} and ${percent(1 - limits.deadBitShare)}): each halves the codes that can be used.`,
    remedy:
      'Centre the latents (a norm layer before the quantizer) and raise entropyLossWeight; a share of exactly 0 or 1 may be a dead encoder output.',
  };
};

const dimensionalCollapse: Rule = (_, { rank }) => {
  if (rank === undefined || rank.maximum < limits.smallestJudgedRank) return undefined;
  const share = rank.effectiveRank / rank.maximum;
  if (share >= limits.lowRank) return undefined;
  return {
    problem: 'dimensional collapse',
    severity: 'warning',
    evidence: `The ${count(rank.usedCodes)} used codes have an effective rank of ${number(rank.effectiveRank)} of ${rank.maximum} (${percent(share)}, limit ${percent(limits.lowRank)}).`,
    remedy: 'Use fewer code dimensions, add an orthogonality loss on the transform, or lower its weight decay.',
  };
};

const RULES: readonly Rule[] = [
  collapse,
  scaleDrift,
  saturation,
  overRotation,
  padding,
  smallBatch,
  deadBits,
  dimensionalCollapse,
];

const nameOf = (book: CodebookReport, report: TrackerReport): string =>
  report.codebooks.length === 1 ? '' : `codebook ${report.codebooks.indexOf(book)}: `;
const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const number = (value: number): string => String(Number(value.toPrecision(3)));
const percent = (share: number): string => `${number(100 * share)} %`;
