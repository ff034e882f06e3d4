import { requireInteger, requireOption } from '@vqkit/core-tensor/check';
import { DataError, DtypeError, show } from '@vqkit/core-tensor/errors';

/**
 * The number of distinct codes that N independent uniform draws from K codes are expected to hit: `K (1 - (1 - 1/K)^N)`. A batch
 * smaller than the codebook cannot use it all, so utilization is compared with this.
 *
 * @param codebookSize K, an integer >= 1.
 * @param tokens N, an integer >= 0.
 * @throws OptionError when an argument breaks its rule.
 * @example
 * expectedUsedCodes(1024, 1024); // 647.5: a perfectly uniform batch of K tokens leaves 37 % of the codes unused
 */
export function expectedUsedCodes(codebookSize: number, tokens: number): number {
  requireInteger('expectedUsedCodes', 'codebookSize', codebookSize, 1);
  requireInteger('expectedUsedCodes', 'tokens', tokens, 0, Number.MAX_SAFE_INTEGER);
  if (tokens === 0) return 0;
  return -codebookSize * Math.expm1(tokens * Math.log1p(-1 / codebookSize));
}

/**
 * Shannon entropy in nats of a histogram, `H = -Σ p ln p` with `p = count / Σ counts` and 0 ln 0 = 0; its exponential is the
 * perplexity. 0 for an empty histogram. This is the plug-in estimate: with few tokens it is too low, by about (used - 1)/(2N).
 *
 * @param counts counts >= 0; unused codes may be left out.
 * @throws DataError when a count is negative or not finite.
 * @example
 * Math.exp(entropyOfCounts([10, 10, 10, 10])); // 4
 */
export function entropyOfCounts(counts: ArrayLike<number>): number {
  const total = sumOfCounts('entropyOfCounts', counts);
  let entropy = 0;
  for (let i = 0; i < counts.length; i++) {
    const p = (counts[i] as number) / total;
    if (p > 0) entropy -= p * Math.log(p);
  }
  return Math.max(entropy, 0);
}

/**
 * How often each code occurs: K counts. Index -1 (padding) is not counted. K numbers are allocated; for a large codebook use
 * `createTracker(…).usage()`, which lists the used codes only.
 *
 * @throws DtypeError when the indices are not an Int32Array; DataError when one is out of range, with its position.
 * @example
 * codeHistogram(Int32Array.of(2, 0, 2, -1), 4); // [1, 0, 2, 0]
 */
export function codeHistogram(indices: Int32Array, codebookSize: number): Float64Array {
  requireInteger('codeHistogram', 'codebookSize', codebookSize, 1);
  checkIndices('codeHistogram', indices, codebookSize);
  const counts = new Float64Array(codebookSize);
  for (const index of indices) if (index >= 0) counts[index] = (counts[index] as number) + 1;
  return counts;
}

/**
 * Gini coefficient of the code counts over all K codes: 0 when every code is used equally, near 1 when few codes take everything.
 * `G = Σ_i (2i - K - 1) n_i / (K Σ n)` with the counts n_i in ascending order, i = 1…K.
 *
 * @param counts counts of the codes; unused codes may be left out.
 * @param codebookSize K. Default `counts.length`.
 * @throws OptionError when there are more counts than codes; DataError when a count is negative or not finite.
 * @example
 * giniCoefficient([4, 0, 0, 0]); // 0.75
 */
export function giniCoefficient(counts: ArrayLike<number>, codebookSize: number = counts.length): number {
  const where = 'giniCoefficient';
  const total = sumOfCounts(where, counts);
  requireInteger(where, 'codebookSize', codebookSize, counts.length);
  if (total === 0) return 0;
  const ascending = Float64Array.from(counts).sort();
  const absent = codebookSize - ascending.length;
  let weighted = 0;
  for (let i = 0; i < ascending.length; i++) {
    weighted += (2 * (absent + i + 1) - codebookSize - 1) * (ascending[i] as number);
  }
  return weighted / (codebookSize * total);
}

/**
 * Top-p coverage: the smallest number of codes that together take at least the share p of the tokens.
 *
 * @param counts counts of the codes; unused codes may be left out.
 * @param share p, above 0 and at most 1.
 * @throws OptionError when the share breaks its rule; DataError when a count is negative or not finite.
 * @example
 * codesForShare([70, 20, 5, 5], 0.9); // 2
 */
export function codesForShare(counts: ArrayLike<number>, share: number): number {
  const where = 'codesForShare';
  const holds = typeof share === 'number' && share > 0 && share <= 1;
  requireOption(holds, where, 'share', 'a number above 0 and at most 1', share, 'Pass for example 0.9.');
  const wanted = share * sumOfCounts(where, counts);
  const ascending = Float64Array.from(counts).sort();
  let covered = 0;
  let codes = 0;
  while (covered < wanted && codes < ascending.length) {
    codes++;
    covered += ascending[ascending.length - codes] as number;
  }
  return codes;
}

/**
 * Share of positions whose token id differs between two encodings of the same input, 0 to 1: two epochs, two engines, or with and
 * without a small noise. Positions that are padding (-1) in both are left out; padding in only one counts as a flip.
 *
 * @returns 0 when no position is left.
 * @throws DtypeError when an argument is not an Int32Array; OptionError when the lengths differ.
 * @example
 * flipRate(Int32Array.of(3, 1, 4, 1), Int32Array.of(3, 1, 5, 1)); // 0.25
 */
export function flipRate(indicesA: Int32Array, indicesB: Int32Array): number {
  requireInt32('flipRate', 'indicesA', indicesA);
  requireInt32('flipRate', 'indicesB', indicesB);
  requireOption(
    indicesA.length === indicesB.length,
    'flipRate',
    'indicesB',
    `as long as indicesA (${indicesA.length})`,
    indicesB.length,
    'Encode the same input twice.',
  );
  let compared = 0;
  let flipped = 0;
  for (let i = 0; i < indicesA.length; i++) {
    if (indicesA[i] === -1 && indicesB[i] === -1) continue;
    compared++;
    if (indicesA[i] !== indicesB[i]) flipped++;
  }
  return compared === 0 ? 0 : flipped / compared;
}

function requireInt32(where: string, name: string, indices: unknown): asserts indices is Int32Array {
  if (indices instanceof Int32Array) return;
  const kind = indices instanceof Object ? indices.constructor.name : show(indices);
  throw new DtypeError(
    where,
    name,
    'be an Int32Array',
    kind,
    'Pass the data of an int32 tensor: await indices.data().',
  );
}

/** Every index is -1 or a code, else {@link DataError} with the position of the first that is not. */
export function checkIndices(where: string, indices: Int32Array, codebookSize: number): void {
  requireInt32(where, 'indices', indices);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    if (index >= -1 && index < codebookSize) continue;
    throw new DataError(
      where,
      `indices[${i}]`,
      `be in [0, ${codebookSize}) or -1 for padding`,
      index,
      'Pass the codebookSize of the quantizer that made them.',
    );
  }
}

function sumOfCounts(where: string, counts: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number;
    if (!(count >= 0 && count < Number.POSITIVE_INFINITY)) {
      throw new DataError(where, `counts[${i}]`, 'be a finite number >= 0', count, 'Pass a histogram.');
    }
    total += count;
  }
  return total;
}
