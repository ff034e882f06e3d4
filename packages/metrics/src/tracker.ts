import { requireInteger, requireKnownOptions } from '@vqkit/core-tensor/check';
import { checkBatch, type TrackerUpdate } from './batch.ts';
import { type CodeCounts, createCodeCounts } from './code-counts.ts';
import { codebookReport, latentReport, overallUsage, type TrackerReport } from './report.ts';
import { bookFrom, bookState, entryFrom, entryState, requireSameTracker, type TrackerState } from './tracker-state.ts';
import { entropyReport, mergeEntries, type WindowEntry, windowEntry } from './window.ts';

const WHERE = 'createTracker';

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
  /** The statistics of the window. Work: the codes seen since the last reset, and W · dim. */
  report(): TrackerReport;
  /** The sparse histogram of one codebook (default the first), with ages. */
  usage(codebook?: number): CodeUsage;
  /** Forgets everything. */
  reset(): void;
  /** Everything that the tracker knows, ages too, to be kept with a checkpoint. Work: as {@link Tracker.report}. */
  state(): TrackerState;
  /** Goes on from what `state()` of a tracker with the same options gave; what was known before is forgotten. */
  restore(state: TrackerState): void;
}

/**
 * Follows how a quantizer uses its codebook while it trains or is validated, over a stated window.
 *
 * Formulas: see {@link TrackerReport}; statistics are float64. With several codebooks each has its own report and the top level
 * holds all together; `bitsPerToken` adds the entropies of the codebooks, an upper bound on their joint entropy.
 *
 * Differs from vector-quantize-pytorch, which has no metrics; its examples print the codes used in one batch as "active %".
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
  if (window !== 'all') requireInteger(WHERE, "window (unless 'all')", window, 1);

  let counts: CodeCounts[] = [];
  let entries: WindowEntry[] = [];
  let totalUpdates = 0;
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

  const forEachIndex = (indices: Int32Array, visit: (book: CodeCounts, code: number) => void): void => {
    for (let c = 0; c < numCodebooks; c++) {
      const book = counts[c] as CodeCounts;
      for (let i = c; i < indices.length; i += numCodebooks) {
        const code = indices[i] as number;
        if (code >= 0) visit(book, code);
      }
    }
  };

  return {
    codebookSize,
    numCodebooks,
    window,

    update(given) {
      const batch = checkBatch(given, codebookSize, numCodebooks, dim);
      totalUpdates++;
      dim ??= batch.dim;
      const { moments } = batch;
      if (moments !== undefined && moments.tokens > 0) {
        initialRms ??= Math.sqrt(moments.squaredNorm / (moments.tokens * moments.mean.length));
      }
      forEachIndex(batch.indices, (book, code) => book.add(code, totalUpdates));
      const entry = windowEntry(batch, codebookSize, window !== 'all');
      const [total] = entries;
      if (window === 'all' && total !== undefined) {
        entries = [mergeEntries(total, entry)];
        return;
      }
      entries.push(entry);
      const expired = window !== 'all' && entries.length > window ? entries.shift() : undefined;
      if (expired !== undefined) forEachIndex(expired.indices, (book, code) => book.remove(code));
    },

    report() {
      const codebooks = counts.map((book) => codebookReport(book, codebookSize, totalUpdates));
      const [first, ...rest] = entries;
      const seen = first === undefined ? undefined : rest.reduce(mergeEntries, first);
      const hasLatents = seen?.moments !== undefined && seen.moments.tokens > 0;
      return {
        window,
        updates: seen?.updates ?? 0,
        totalUpdates,
        ...overallUsage(codebooks, seen?.tokens ?? 0),
        ignoredTokens: seen?.ignoredTokens ?? 0,
        maskedTokensWithIndex: seen?.maskedTokensWithIndex ?? 0,
        bitsPerToken: codebooks.reduce((sum, book) => sum + book.entropyBits, 0),
        nominalBitsPerToken: numCodebooks * Math.log2(codebookSize),
        codebooks,
        entropies: seen === undefined ? undefined : entropyReport(seen, codebookSize),
        latents: hasLatents && initialRms !== undefined ? latentReport(seen.moments, initialRms) : undefined,
      };
    },

    usage(codebook = 0) {
      requireInteger(`${WHERE}().usage`, 'codebook', codebook, 0, numCodebooks - 1);
      const rows: { code: number; count: number; age: number }[] = [];
      (counts[codebook] as CodeCounts).forEach((code, count, lastUse) => {
        rows.push({ code, count, age: totalUpdates - lastUse });
      });
      rows.sort((a, b) => a.code - b.code);
      return {
        codes: Int32Array.from(rows, (row) => row.code),
        counts: Float64Array.from(rows, (row) => row.count),
        ages: Int32Array.from(rows, (row) => row.age),
      };
    },

    reset,

    state: () => ({
      codebookSize,
      numCodebooks,
      window,
      totalUpdates,
      ...(dim === undefined ? {} : { dim }),
      ...(initialRms === undefined ? {} : { initialRms }),
      books: counts.map(bookState),
      entries: entries.map(entryState),
    }),

    restore(state) {
      requireSameTracker(`${WHERE}().restore`, state, { codebookSize, numCodebooks, window });
      counts = state.books.map(bookFrom);
      entries = state.entries.map(entryFrom);
      ({ totalUpdates, dim, initialRms } = state);
    },
  };
}
