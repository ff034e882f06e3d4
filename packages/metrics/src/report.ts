import type { CodeCounts } from './code-counts.ts';
import type { LatentMoments } from './latent-moments.ts';
import { entropyOfCounts, expectedUsedCodes } from './usage.ts';

/** How the codes of one codebook were used by the N tokens of the window. Every number is finite; all are 0 when N = 0. */
export interface UsageReport {
  /** N: tokens counted, padding excluded. */
  readonly tokens: number;
  /** K. */
  readonly codebookSize: number;
  /** Codes used at least once. */
  readonly usedCodes: number;
  /** usedCodes / K. */
  readonly utilization: number;
  /** What N uniform draws would use: K (1 - (1 - 1/K)^N). */
  readonly expectedUsedCodes: number;
  /** usedCodes / expectedUsedCodes: fair also when N is not much larger than K. */
  readonly utilizationOfExpected: number;
  /** H = -Σ p ln p of the code frequencies, nats. */
  readonly entropy: number;
  /** H / ln 2. */
  readonly entropyBits: number;
  /** exp(H): the size of a uniformly used codebook with the same entropy. Not utilization. */
  readonly perplexity: number;
  /** perplexity / K; over several codebooks the mean of theirs. */
  readonly perplexityShare: number;
  /** Share of the tokens that the most frequent code takes. */
  readonly topCodeShare: number;
  /** Codes not used in the window: K - usedCodes. */
  readonly deadCodes: number;
  /** Codes not used since the tracker was created or reset. */
  readonly neverUsedCodes: number;
  /** Largest number of updates since its last use among the codes used at least once; 0: all were used in the latest update. */
  readonly oldestAge: number;
  /** Median of the same. */
  readonly medianAge: number;
}

/** {@link UsageReport} of one codebook. */
export interface CodebookReport extends UsageReport {
  /**
   * For K a power of two: the share of tokens in which each bit of the index is 1, most significant bit first (the order of LFQ);
   * 0.5 is balanced. Bits mean something only where the codebook is made of bits (LFQ, BSQ). Undefined for other K.
   */
  readonly bitShares: readonly number[] | undefined;
}

/** Entropies of the soft assignment, as an LFQ loss reports them: means over the updates of the window, weighted by tokens; nats. */
export interface EntropyReport {
  /** Mean entropy of one token's code probabilities; training pulls it to 0. */
  readonly perSample: number | undefined;
  /** Entropy of the mean code probabilities of one update; training pulls it to ln K. */
  readonly codebook: number | undefined;
  /** ln K. */
  readonly logCodebookSize: number;
  /** ln N, N being the tokens of one update. */
  readonly logTokens: number;
  /** The most that `codebook` can reach: min(ln K, ln N + perSample). Undefined without `perSample`. */
  readonly attainable: number | undefined;
}

/** Statistics of the latents z and of their codes q. */
export interface LatentReport {
  readonly tokens: number;
  /** Root mean square of an element of z, over the window. */
  readonly rms: number;
  /** The same over the first update since the tracker was created or reset: how much the latents have grown. */
  readonly initialRms: number;
  /** Var(z): mean over the features of the variance over tokens. */
  readonly variance: number;
  /** Share of tokens whose latent is exactly zero. */
  readonly zeroShare: number;
  /** Undefined when no update gave codes. */
  readonly pairs: PairReport | undefined;
}

/** Statistics of pairs (z, q). */
export interface PairReport {
  readonly tokens: number;
  /** Mean squared error of an element, mean (z - q)². */
  readonly error: number;
  /** error / Var(z): the share of the variance that quantization loses. 0 when the error is 0; Infinity when only the variance is. */
  readonly relativeError: number;
  /** -10 log₁₀(relativeError) dB: more is better. Infinity without error. */
  readonly snrDb: number;
  /** Share of pairs with an angle above 90°, ⟨z, q⟩ < 0; pairs with a zero vector have no angle and are left out. */
  readonly obtuseShare: number;
  /** Geometric mean of |q|/|z|, zero vectors left out; 1 when z and q are equally long, 0 when no pair is left. */
  readonly normRatio: number;
  /** Pairs by the angle between z and q in 18 bins of 10°, from 0 to 180°; 90° itself lies in the ninth. Zero vectors are left out. */
  readonly angles: readonly number[];
}

/** What {@link Tracker.report} returns. The fields of {@link UsageReport} hold for all codebooks together. */
export interface TrackerReport extends UsageReport {
  /** `'all'`: since the tracker was created or reset; W: the last W updates. */
  readonly window: number | 'all';
  /** Updates in the window. */
  readonly updates: number;
  /** Updates since the tracker was created or reset. */
  readonly totalUpdates: number;
  /** Tokens left out: masked, or with index -1 in every codebook. */
  readonly ignoredTokens: number;
  /** Masked tokens that still carry an index >= 0: the quantizer was not given the mask. */
  readonly maskedTokensWithIndex: number;
  /** Σ over codebooks of H / ln 2: bits that an ideal entropy coder with one frequency table per codebook needs per token. */
  readonly bitsPerToken: number;
  /** Σ over codebooks of log₂ K. */
  readonly nominalBitsPerToken: number;
  readonly codebooks: readonly CodebookReport[];
  /** Undefined when no update of the window gave an entropy. */
  readonly entropies: EntropyReport | undefined;
  /** Undefined when no update of the window gave latents. */
  readonly latents: LatentReport | undefined;
}

/** Usage of one codebook from its counts. Work: the codes seen. */
export function codebookReport(counts: CodeCounts, codebookSize: number, totalUpdates: number): CodebookReport {
  const used = new Float64Array(counts.seen());
  const ages = new Float64Array(counts.seen());
  const bits = Math.log2(codebookSize);
  const ones = Number.isInteger(bits) ? new Float64Array(bits) : undefined;
  let usedCodes = 0;
  let seen = 0;
  let tokens = 0;
  let most = 0;
  counts.forEach((code, count, lastUse) => {
    ages[seen++] = totalUpdates - lastUse;
    if (count === 0) return;
    used[usedCodes++] = count;
    tokens += count;
    most = Math.max(most, count);
    if (ones === undefined) return;
    for (let bit = 0; bit < bits; bit++) {
      if ((code >>> (bits - 1 - bit)) & 1) ones[bit] = (ones[bit] as number) + count;
    }
  });
  ages.sort();
  return {
    ...usageReport({
      tokens,
      codebookSize,
      usedCodes,
      expectedUsedCodes: expectedUsedCodes(codebookSize, tokens),
      neverUsedCodes: codebookSize - seen,
      entropy: entropyOfCounts(used.subarray(0, usedCodes)),
      topCodeShare: tokens === 0 ? 0 : most / tokens,
      oldestAge: ages.at(-1) ?? 0,
      medianAge: ages[ages.length >> 1] ?? 0,
    }),
    bitShares: ones === undefined ? undefined : Array.from(ones, (count) => (tokens === 0 ? 0 : count / tokens)),
  };
}

/**
 * All codebooks together, for the tokens with an index in at least one: codes are added up; entropy, ages and the top share are
 * means, so that perplexity is the geometric mean over codebooks.
 */
export function overallUsage(codebooks: readonly CodebookReport[], tokens: number): UsageReport {
  const sum = (field: keyof UsageReport): number => codebooks.reduce((total, book) => total + book[field], 0);
  const mean = (field: keyof UsageReport): number => sum(field) / codebooks.length;
  return {
    ...usageReport({
      tokens,
      codebookSize: sum('codebookSize'),
      usedCodes: sum('usedCodes'),
      expectedUsedCodes: sum('expectedUsedCodes'),
      neverUsedCodes: sum('neverUsedCodes'),
      entropy: mean('entropy'),
      topCodeShare: mean('topCodeShare'),
      oldestAge: Math.max(...codebooks.map((book) => book.oldestAge)),
      medianAge: mean('medianAge'),
    }),
    perplexityShare: mean('perplexityShare'),
  };
}

type Derived = 'utilization' | 'utilizationOfExpected' | 'entropyBits' | 'perplexity' | 'perplexityShare' | 'deadCodes';

function usageReport(counted: Omit<UsageReport, Derived>): UsageReport {
  const { tokens, codebookSize, usedCodes, expectedUsedCodes, entropy } = counted;
  const perplexity = tokens === 0 ? 0 : Math.exp(entropy);
  return {
    ...counted,
    utilization: usedCodes / codebookSize,
    utilizationOfExpected: expectedUsedCodes === 0 ? 0 : usedCodes / expectedUsedCodes,
    entropyBits: entropy / Math.LN2,
    perplexity,
    perplexityShare: perplexity / codebookSize,
    deadCodes: codebookSize - usedCodes,
  };
}

export function latentReport(moments: LatentMoments, initialRms: number): LatentReport {
  const dim = moments.mean.length;
  const elements = moments.tokens * dim;
  const variance = moments.squaredDeviations.reduce((sum, value) => sum + value, 0) / elements;
  const { pairs } = moments;
  return {
    tokens: moments.tokens,
    rms: Math.sqrt(moments.squaredNorm / elements),
    initialRms,
    variance,
    zeroShare: moments.zeroTokens / moments.tokens,
    pairs: pairs.tokens === 0 ? undefined : pairReport(pairs, dim, variance),
  };
}

function pairReport(pairs: LatentMoments['pairs'], dim: number, variance: number): PairReport {
  const error = pairs.squaredError / (pairs.tokens * dim);
  const relativeError = error === 0 ? 0 : error / variance;
  return {
    tokens: pairs.tokens,
    error,
    relativeError,
    snrDb: -10 * Math.log10(relativeError),
    obtuseShare: pairs.directed === 0 ? 0 : pairs.obtuse / pairs.directed,
    normRatio: pairs.directed === 0 ? 0 : Math.exp(pairs.logNormRatio / pairs.directed),
    angles: pairs.angles,
  };
}
