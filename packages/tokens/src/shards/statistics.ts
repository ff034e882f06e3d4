import { requireInteger, requireOption } from '@vqkit/core-tensor';
import { codesForShare, entropyOfCounts, expectedUsedCodes } from '@vqkit/metrics';

/** How often each code occurs: the codes in ascending order, and the uses of each. */
interface CodeCounts {
  readonly codes: readonly number[];
  readonly counts: readonly number[];
}

/** Counts of tokens, all of them integers, so that those of parts add up to those of the whole exactly and in any order. */
export interface TokenStatistics {
  /** Examples whose tokens were counted. */
  readonly examples: number;
  /** One per codebook. */
  readonly codebooks: readonly CodeCounts[];
}

/** How one codebook was used. */
export interface CodebookUse {
  /** Ids counted; those of padding, -1, are not. */
  readonly tokens: number;
  readonly codebookSize: number;
  readonly used: number;
  /** Codes that never occur. */
  readonly dead: number;
  /** What as many uniform draws would use. */
  readonly expectedUsed: number;
  /** -Σ p log₂ p of the frequencies. */
  readonly entropyBits: number;
  /** 2^entropyBits. */
  readonly perplexity: number;
  /** The fewest codes that nine tenths of the tokens take. */
  readonly codesOf90Percent: number;
}

/**
 * Counts the codes of some examples.
 *
 * @param ids of whole tokens; the columns of a token's codebooks follow one another.
 * @example
 * countTokens(Int32Array.of(3, 1, 3), { examples: 1, numCodebooks: 1 }).codebooks[0]?.counts; // [ 1, 2 ]
 */
export function countTokens(
  ids: Int32Array,
  { examples, numCodebooks }: { readonly examples: number; readonly numCodebooks: number },
): TokenStatistics {
  requireInteger('countTokens', 'numCodebooks', numCodebooks, 1);
  const isWhole = ids.length % numCodebooks === 0;
  requireOption(isWhole, 'countTokens', 'ids', `whole tokens of ${numCodebooks}`, ids.length, 'Pass all columns.');
  const codebooks = Array.from({ length: numCodebooks }, (_, book) => {
    const sorted = Int32Array.from({ length: ids.length / numCodebooks }, (_, n) => ids[n * numCodebooks + book] ?? -1);
    sorted.sort();
    const [codes, counts]: [number[], number[]] = [[], []];
    let from = sorted.findIndex((id) => id >= 0);
    while (from >= 0 && from < sorted.length) {
      let to = from + 1;
      while (to < sorted.length && sorted[to] === sorted[from]) to++;
      codes.push(sorted[from] as number);
      counts.push(to - from);
      from = to;
    }
    return { codes, counts };
  });
  return { examples, codebooks };
}

/**
 * The statistics of all parts together: exactly those of one count of everything, however it was split.
 *
 * @throws OptionError when parts have different numbers of codebooks.
 * @example
 * const parts = [[3, 1], [3]].map((ids) => countTokens(Int32Array.from(ids), { examples: 1, numCodebooks: 1 }));
 * mergeStatistics(parts).codebooks[0]?.counts; // [ 1, 2 ]
 */
export function mergeStatistics(parts: Iterable<TokenStatistics>): TokenStatistics {
  let all: TokenStatistics | undefined;
  for (const part of parts) {
    if (all === undefined) {
      all = part;
      continue;
    }
    const numbers = [all.codebooks.length, part.codebooks.length] as const;
    const same = numbers[0] === numbers[1];
    requireOption(same, 'mergeStatistics', 'parts', `of ${numbers[0]} codebooks`, numbers[1], 'Merge what is alike.');
    const { codebooks } = all;
    all = {
      examples: all.examples + part.examples,
      codebooks: part.codebooks.map((book, i) => added(codebooks[i] as CodeCounts, book)),
    };
  }
  return all ?? { examples: 0, codebooks: [] };
}

/** Two sorted lists as one. */
function added(a: CodeCounts, b: CodeCounts): CodeCounts {
  const [codes, counts]: [number[], number[]] = [[], []];
  let [i, j] = [0, 0];
  while (i < a.codes.length || j < b.codes.length) {
    const [left, right] = [a.codes[i] ?? Number.POSITIVE_INFINITY, b.codes[j] ?? Number.POSITIVE_INFINITY];
    codes.push(Math.min(left, right));
    counts.push((left <= right ? (a.counts[i++] ?? 0) : 0) + (right <= left ? (b.counts[j++] ?? 0) : 0));
  }
  return { codes, counts };
}

/**
 * Usage, entropy and perplexity of each codebook.
 *
 * @param codebookSize K, of each.
 * @example
 * const statistics = countTokens(Int32Array.of(3, 1), { examples: 1, numCodebooks: 1 });
 * tokenReport(statistics, 4)[0]?.perplexity; // 2
 */
export function tokenReport({ codebooks }: TokenStatistics, codebookSize: number): CodebookUse[] {
  requireInteger('tokenReport', 'codebookSize', codebookSize, 1);
  return codebooks.map(({ counts }) => {
    const tokens = counts.reduce((sum, count) => sum + count, 0);
    const entropy = entropyOfCounts(counts);
    return {
      tokens,
      codebookSize,
      used: counts.length,
      dead: codebookSize - counts.length,
      expectedUsed: expectedUsedCodes(codebookSize, tokens),
      entropyBits: entropy / Math.LN2,
      perplexity: tokens === 0 ? 0 : Math.exp(entropy),
      codesOf90Percent: codesForShare(counts, 0.9),
    };
  });
}
