import { symmetricEigenvalues } from './eigenvalues.ts';
import { finiteRows } from './rows.ts';
import { checkIndices } from './usage.ts';

export interface CodebookRank {
  /** exp(-Σ p ln p) with p = σ_i / Σ σ: from 1 (a line) to `maximum`; 0 when fewer than two distinct codes are used. */
  readonly effectiveRank: number;
  /** min(dim, usedCodes - 1): what codes in general position can reach. */
  readonly maximum: number;
  /** Distinct indices. */
  readonly usedCodes: number;
  /** Singular values of the centred used codes, descending, dim of them. */
  readonly singularValues: Float64Array;
}

/**
 * Effective rank of the codes that are used: how many directions the codebook really fills. Many codes on a line or a plane are a
 * dimensional collapse that utilization does not show.
 *
 * `erank = exp(-Σ_i p_i ln p_i)`, `p_i = σ_i / Σ_j σ_j`, σ the singular values of the matrix of used codes, each code once, minus
 * their mean; computed as square roots of the eigenvalues of the dim × dim scatter matrix in float64. Singular values below about
 * 1e-8 of the largest are rounding and count as 0.
 *
 * Work: O(used · dim² + dim³).
 *
 * Source: Roy, Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007; centring is ours, so that an
 * offset shared by all codes is no direction.
 *
 * @param codes K · dim elements, the whole codebook.
 * @param indices token ids; -1 (padding) is left out.
 * @throws OptionError for a bad dim, ShapeError when codes are not whole rows, DtypeError or DataError for bad indices, DataError at
 * a code that is not finite.
 * @example
 * const square = Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1);
 * usedCodebookRank(square, Int32Array.of(0, 1, 2, 3), 2).effectiveRank; // 2
 */
export function usedCodebookRank(codes: Float32Array, indices: Int32Array, dim: number): CodebookRank {
  const where = 'usedCodebookRank';
  const codebookSize = finiteRows(where, 'codes', codes, dim, 1);
  checkIndices(where, indices, codebookSize);
  const used = Int32Array.from(new Set(indices.filter((index) => index >= 0)));
  const eigenvalues = symmetricEigenvalues(scatterMatrix(codes, used, dim), dim);
  const floor = dim * Number.EPSILON * (eigenvalues.at(-1) ?? 0);
  const singularValues = eigenvalues.reverse().map((value) => (value > floor ? Math.sqrt(value) : 0));
  const total = singularValues.reduce((sum, value) => sum + value, 0);
  let entropy = 0;
  for (const value of singularValues) if (value > 0) entropy -= (value / total) * Math.log(value / total);
  return {
    effectiveRank: total === 0 ? 0 : Math.exp(entropy),
    maximum: Math.max(0, Math.min(dim, used.length - 1)),
    usedCodes: used.length,
    singularValues,
  };
}

/** Σ (c - mean)(c - mean)ᵀ over the used codes. */
function scatterMatrix(codes: Float32Array, used: Int32Array, dim: number): Float64Array {
  const mean = new Float64Array(dim);
  for (const code of used) {
    for (let i = 0; i < dim; i++) mean[i] = (mean[i] as number) + (codes[code * dim + i] as number) / used.length;
  }
  const scatter = new Float64Array(dim * dim);
  const centred = new Float64Array(dim);
  for (const code of used) {
    for (let i = 0; i < dim; i++) centred[i] = (codes[code * dim + i] as number) - (mean[i] as number);
    for (let i = 0; i < dim; i++) {
      const value = centred[i] as number;
      for (let j = i; j < dim; j++)
        scatter[i * dim + j] = (scatter[i * dim + j] as number) + value * (centred[j] as number);
    }
  }
  for (let i = 0; i < dim; i++) for (let j = 0; j < i; j++) scatter[i * dim + j] = scatter[j * dim + i] as number;
  return scatter;
}
