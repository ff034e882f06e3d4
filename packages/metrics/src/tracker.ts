import { requireInteger, requireKnownOptions, requireOption } from '@vqkit/core-tensor/check';
import { DataError, DtypeError, ShapeError, show } from '@vqkit/core-tensor/errors';
import { type CodeCounts, createCodeCounts } from './code-counts.ts';
import { type LatentMoments, latentMoments, mergeMoments } from './latent-moments.ts';
import { codebookReport, type EntropyReport, latentReport, overallUsage, type TrackerReport } from './report.ts';
import { checkIndices } from './usage.ts';

const WHERE = 'createTracker';
const UPDATE = `${WHERE}().update`;

export interface TrackerOptions {
  /** K, codes per codebook, an integer from 1 to 2^31 - 1. Memory and work follow the codes seen, not K. */
  readonly codebookSize: number;
  /** Codebooks per token. Default 1. */
  readonly numCodebooks?: number;
  /**
   * What a report covers: `'all'`, everything since the tracker was created or reset (a validation set), or a number W, the last W
   * updates (training). Default `'all'`. A number keeps 4 bytes per index of the last W updates.
   */
  readonly window?: number | 'all';
}

/** What one batch tells the tracker. Everything but `indices` is optional; a report has only what it was told. */
export interface TrackerUpdate {
  /** N · numCodebooks token ids, a token's codebooks beside each other as `quantize` returns them; -1 is padding. */
  readonly indices: Int32Array;
  /** N weights; 0 or false marks padding, which takes part in no statistic. Index -1 does the same without a mask. */
  readonly mask?: ArrayLike<number | boolean> | undefined;
  /** N · dim elements: the vectors that were quantized, in the space where the codes live (for FSQ: after the bound). */
  readonly latents?: Float32Array | undefined;
  /** N · dim elements: the quantized vector of each token. Needs `latents`. */
  readonly codes?: Float32Array | undefined;
  /** Features per token. Default `latents.length / N`; must stay the same from update to update. */
  readonly dim?: number | undefined;
  /** Mean entropy of a token's code probabilities, nats (`losses.perSampleEntropy` of LFQ). */
  readonly perSampleEntropy?: number | undefined;
  /** Entropy of the batch's mean code probabilities, nats (`losses.codebookEntropy` of LFQ). */
  readonly codebookEntropy?: number | undefined;
}

/** The codes used since the tracker was created or reset, ascending. */
export interface CodeUsage {
  readonly codes: Int32Array;
  /** Uses within the window; 0 for a code that has left it. */
  readonly counts: Float64Array;
  /** Updates since the last use; 0: used in the latest update. */
  readonly ages: Int32Array;
}

export interface Tracker {
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly window: number | 'all';
  /** Counts one batch. Work: O(N · (numCodebooks + dim)), whatever K. Bad input throws and changes nothing. */
  update(batch: TrackerUpdate): void;
  /** The statistics of the window. Work: the codes seen. */
  report(): TrackerReport;
  /** The sparse histogram of one codebook, with ages. */
  usage(codebook?: number): CodeUsage;
  /** Forgets everything. */
  reset(): void;
}

/** What the window keeps of one update; in an unbounded window, of all updates together. */
interface WindowEntry {
  /** Empty in an unbounded window: nothing is ever taken back. */
  readonly indices: Int32Array;
  readonly updates: number;
  readonly ignoredTokens: number;
  readonly maskedTokensWithIndex: number;
  readonly moments: LatentMoments | undefined;
  /** Token-weighted sums. */
  readonly perSampleEntropy: WeightedSum;
  readonly codebookEntropy: WeightedSum;
  readonly attainable: WeightedSum;
  readonly logTokens: WeightedSum;
}

interface WeightedSum {
  readonly weight: number;
  readonly sum: number;
}

const NOTHING: WeightedSum = { weight: 0, sum: 0 };

/**
 * Follows how a quantizer uses its codebook while it trains or is validated, over a stated window.
 *
 * Formulas: see {@link TrackerReport}. Statistics are float64. With several codebooks, each has its own report and the top level
 * holds all together; `bitsPerToken` adds the entropies of the codebooks, an upper bound on their joint entropy.
 *
 * @throws OptionError when an option breaks its rule. `update` throws DtypeError for indices that are no Int32Array, ShapeError for
 * wrong lengths, DataError for an index out of range or a value that is not finite, each with its position.
 * @example
 * const tracker = createTracker({ codebookSize: 256, window: 100 });
 * tracker.update({ indices: Int32Array.of(3, 7, 3, -1) });
 * const { tokens, usedCodes, perplexity } = tracker.report(); // 3, 2, 1.89
 */
export function createTracker(options: TrackerOptions): Tracker {
  requireKnownOptions(WHERE, options, ['codebookSize', 'numCodebooks', 'window']);
  const { codebookSize, numCodebooks = 1, window = 'all' } = options;
  requireInteger(WHERE, 'codebookSize', codebookSize, 1);
  requireInteger(WHERE, 'numCodebooks', numCodebooks, 1);
  if (window !== 'all') requireInteger(WHERE, 'window', window, 1);

  let counts: CodeCounts[];
  let entries: WindowEntry[];
  let totalUpdates: number;
  let dim: number | undefined;
  let initialRms: number | undefined;
  const reset = (): void => {
    counts = Array.from({ length: numCodebooks }, createCodeCounts);
    entries = [];
    totalUpdates = 0;
    dim = undefined;
    initialRms = undefined;
  };
  reset();

  const countCodes = (indices: Int32Array): void => {
    for (let i = 0; i < indices.length; i++) {
      const code = indices[i] as number;
      if (code >= 0) (counts[i % numCodebooks] as CodeCounts).add(code, totalUpdates);
    }
  };
  const forgetCodes = (indices: Int32Array): void => {
    for (let i = 0; i < indices.length; i++) {
      const code = indices[i] as number;
      if (code >= 0) (counts[i % numCodebooks] as CodeCounts).remove(code);
    }
  };

  return {
    codebookSize,
    numCodebooks,
    window,

    update(batch) {
      requireKnownOptions(UPDATE, batch, [
        'indices',
        'mask',
        'latents',
        'codes',
        'dim',
        'perSampleEntropy',
        'codebookEntropy',
      ]);
      const { mask, latents, codes, perSampleEntropy, codebookEntropy } = batch;
      checkIndices(UPDATE, batch.indices, codebookSize);
      const tokens = tokenCount(batch.indices, numCodebooks);
      const { indices, counted, ignoredTokens, maskedTokensWithIndex } = maskedIndices(batch.indices, mask, tokens);
      requireEntropy('perSampleEntropy', perSampleEntropy);
      requireEntropy('codebookEntropy', codebookEntropy);
      const dimNow = latentDim(batch, tokens, dim);
      const moments =
        latents === undefined || dimNow === undefined
          ? undefined
          : latentMoments(UPDATE, latents, codes, dimNow, counted);

      // Nothing may throw from here on: a rejected batch leaves the tracker as it was.
      totalUpdates++;
      if (dimNow !== undefined) dim = dimNow;
      if (moments !== undefined && moments.tokens > 0) {
        initialRms ??= Math.sqrt(moments.squaredNorm / (moments.tokens * moments.mean.length));
      }
      countCodes(indices);
      const n = tokens - ignoredTokens;
      const weighted = (value: number | undefined): WeightedSum =>
        value === undefined || n === 0 ? NOTHING : { weight: n, sum: n * value };
      const attainable =
        perSampleEntropy === undefined ? undefined : Math.min(Math.log(codebookSize), Math.log(n) + perSampleEntropy);
      const entry: WindowEntry = {
        indices: window === 'all' ? new Int32Array(0) : indices,
        updates: 1,
        ignoredTokens,
        maskedTokensWithIndex,
        moments,
        perSampleEntropy: weighted(perSampleEntropy),
        codebookEntropy: weighted(codebookEntropy),
        attainable: weighted(attainable),
        logTokens: weighted(perSampleEntropy ?? codebookEntropy) === NOTHING ? NOTHING : weighted(Math.log(n)),
      };
      entries.push(entry);
      if (window === 'all') entries = [mergeEntries(entries)];
      else if (entries.length > window) forgetCodes((entries.shift() as WindowEntry).indices);
    },

    report() {
      const codebooks = counts.map((book) => codebookReport(book, codebookSize, totalUpdates));
      const seen = entries.length === 0 ? undefined : mergeEntries(entries);
      return {
        window,
        updates: seen?.updates ?? 0,
        totalUpdates,
        ignoredTokens: seen?.ignoredTokens ?? 0,
        maskedTokensWithIndex: seen?.maskedTokensWithIndex ?? 0,
        ...overallUsage(codebooks),
        bitsPerToken: codebooks.reduce((sum, book) => sum + book.entropyBits, 0),
        nominalBitsPerToken: numCodebooks * Math.log2(codebookSize),
        codebooks,
        entropies: seen === undefined ? undefined : entropyReport(seen, codebookSize),
        latents:
          seen?.moments === undefined || initialRms === undefined ? undefined : latentReport(seen.moments, initialRms),
      };
    },

    usage(codebook = 0) {
      requireInteger(`${WHERE}().usage`, 'codebook', codebook, 0, numCodebooks - 1);
      const book = counts[codebook] as CodeCounts;
      const rows: [code: number, count: number, age: number][] = [];
      book.forEach((code, count, lastUse) => {
        rows.push([code, count, totalUpdates - lastUse]);
      });
      rows.sort((a, b) => a[0] - b[0]);
      return {
        codes: Int32Array.from(rows, ([code]) => code),
        counts: Float64Array.from(rows, ([, count]) => count),
        ages: Int32Array.from(rows, ([, , age]) => age),
      };
    },

    reset,
  };
}

function tokenCount(indices: Int32Array, numCodebooks: number): number {
  if (indices.length % numCodebooks !== 0) {
    throw new ShapeError(
      `${UPDATE}: indices must hold ${numCodebooks} per token (numCodebooks), got ${indices.length} in all. Pass what quantize() or encode() returned.`,
    );
  }
  return indices.length / numCodebooks;
}

/** A copy of the indices with -1 wherever the mask is 0, and which tokens count. */
function maskedIndices(
  given: Int32Array,
  mask: TrackerUpdate['mask'],
  tokens: number,
): { indices: Int32Array; counted: Uint8Array; ignoredTokens: number; maskedTokensWithIndex: number } {
  if (mask !== undefined && mask.length !== tokens) {
    throw new ShapeError(
      `${UPDATE}: mask must have one value per token, ${tokens}, got ${mask.length}. Pass the mask that quantize() was given.`,
    );
  }
  const indices = Int32Array.from(given);
  const counted = new Uint8Array(tokens);
  const perToken = tokens === 0 ? 1 : given.length / tokens;
  let ignoredTokens = 0;
  let maskedTokensWithIndex = 0;
  for (let n = 0; n < tokens; n++) {
    let withIndex = false;
    for (let c = n * perToken; c < (n + 1) * perToken; c++) if ((given[c] as number) >= 0) withIndex = true;
    const masked = mask !== undefined && !mask[n];
    if (masked) indices.fill(-1, n * perToken, (n + 1) * perToken);
    if (masked && withIndex) maskedTokensWithIndex++;
    if (withIndex && !masked) counted[n] = 1;
    else ignoredTokens++;
  }
  return { indices, counted, ignoredTokens, maskedTokensWithIndex };
}

function requireEntropy(name: string, value: number | undefined): void {
  if (value === undefined || Number.isFinite(value)) return;
  throw new DataError(
    `${UPDATE}: ${name} must be a finite number of nats, got ${show(value)}. Look for a diverging loss before it.`,
  );
}

/** Checks the lengths of latents and codes and returns their number of features. */
function latentDim(batch: TrackerUpdate, tokens: number, before: number | undefined): number | undefined {
  const { latents, codes } = batch;
  if (latents === undefined) {
    requireOption(codes === undefined, UPDATE, 'latents', 'given when codes are', latents, 'Pass both.');
    return undefined;
  }
  for (const [name, data] of Object.entries({ latents, codes })) {
    if (data === undefined || data instanceof Float32Array) continue;
    throw new DtypeError(`${UPDATE}: ${name} must be a Float32Array, got ${show(data)}. Pass await tensor.data().`);
  }
  const dim = batch.dim ?? before ?? latents.length / tokens;
  if (tokens === 0 && latents.length === 0) return before;
  requireInteger(UPDATE, 'dim (or latents.length / tokens)', dim, 1);
  if (before !== undefined && dim !== before) {
    throw new ShapeError(`${UPDATE}: dim must stay ${before} as in earlier updates, got ${dim}. Call reset() first.`);
  }
  for (const [name, data] of Object.entries({ latents, codes })) {
    if (data === undefined || data.length === tokens * dim) continue;
    throw new ShapeError(
      `${UPDATE}: ${name} must have ${tokens} tokens × ${dim} features = ${tokens * dim} elements, got ${data.length}. Pass the tokens as [N, dim], channels last.`,
    );
  }
  return dim;
}

function mergeEntries(entries: readonly WindowEntry[]): WindowEntry {
  const add = (a: WeightedSum, b: WeightedSum): WeightedSum => ({ weight: a.weight + b.weight, sum: a.sum + b.sum });
  return entries.reduce((a, b) => ({
    indices: a.indices,
    updates: a.updates + b.updates,
    ignoredTokens: a.ignoredTokens + b.ignoredTokens,
    maskedTokensWithIndex: a.maskedTokensWithIndex + b.maskedTokensWithIndex,
    moments:
      a.moments === undefined || b.moments === undefined
        ? (a.moments ?? b.moments)
        : mergeMoments(a.moments, b.moments),
    perSampleEntropy: add(a.perSampleEntropy, b.perSampleEntropy),
    codebookEntropy: add(a.codebookEntropy, b.codebookEntropy),
    attainable: add(a.attainable, b.attainable),
    logTokens: add(a.logTokens, b.logTokens),
  }));
}

function entropyReport(entry: WindowEntry, codebookSize: number): EntropyReport | undefined {
  const mean = ({ weight, sum }: WeightedSum): number | undefined => (weight === 0 ? undefined : sum / weight);
  const logTokens = mean(entry.logTokens);
  if (logTokens === undefined) return undefined;
  return {
    perSample: mean(entry.perSampleEntropy),
    codebook: mean(entry.codebookEntropy),
    logCodebookSize: Math.log(codebookSize),
    logTokens,
    attainable: mean(entry.attainable),
  };
}
