/**
 * Eigenvalues of a real symmetric matrix in float64, ascending: Householder's reduction to a tridiagonal matrix, then bisection on
 * its Sturm sequence (Golub, Van Loan, "Matrix Computations", 8.3.1 and 8.4.1). No iteration that could fail to converge; absolute
 * error a few ulp of the largest eigenvalue.
 *
 * @param matrix n · n elements, symmetric.
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const { diagonal, offDiagonal } = tridiagonalize(matrix, n);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    const radius = Math.abs(offDiagonal[i] as number) + Math.abs(offDiagonal[i + 1] ?? 0);
    low = Math.min(low, (diagonal[i] as number) - radius);
    high = Math.max(high, (diagonal[i] as number) + radius);
  }
  const tolerance = Number.EPSILON * Math.max(Math.abs(low), Math.abs(high));
  return Float64Array.from({ length: n }, (_, k) => {
    let [below, above] = [low, high];
    while (above - below > tolerance) {
      const middle = (below + above) / 2;
      if (middle <= below || middle >= above) break;
      if (eigenvaluesBelow(diagonal, offDiagonal, middle) > k) above = middle;
      else below = middle;
    }
    return (below + above) / 2;
  });
}

/** The tridiagonal matrix with the same eigenvalues; `offDiagonal[i]` couples i - 1 and i, `offDiagonal[0]` is 0. */
function tridiagonalize(matrix: Float64Array, n: number): { diagonal: Float64Array; offDiagonal: Float64Array } {
  const a = Float64Array.from(matrix);
  const offDiagonal = new Float64Array(n);
  const v = new Float64Array(n);
  const w = new Float64Array(n);
  const at = (row: number, column: number): number => a[row * n + column] as number;
  for (let k = 0; k + 2 < n; k++) {
    let norm = 0;
    for (let i = k + 1; i < n; i++) norm = Math.hypot(norm, at(i, k));
    const head = at(k + 1, k);
    offDiagonal[k + 1] = head > 0 ? -norm : norm;
    if (norm === 0) continue;
    // v is the unit vector of the reflection that sends column k to a multiple of the first axis.
    const length = Math.sqrt(2 * norm * (norm + Math.abs(head)));
    for (let i = k + 1; i < n; i++) v[i] = at(i, k) / length;
    v[k + 1] = (head - (offDiagonal[k + 1] as number)) / length;
    let projection = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += at(i, j) * (v[j] as number);
      w[i] = 2 * sum;
      projection += (v[i] as number) * sum;
    }
    for (let i = k + 1; i < n; i++) w[i] = (w[i] as number) - 2 * projection * (v[i] as number);
    for (let i = k + 1; i < n; i++) {
      for (let j = k + 1; j < n; j++) {
        a[i * n + j] = at(i, j) - (v[i] as number) * (w[j] as number) - (w[i] as number) * (v[j] as number);
      }
    }
  }
  if (n > 1) offDiagonal[n - 1] = at(n - 1, n - 2);
  return { diagonal: Float64Array.from({ length: n }, (_, i) => at(i, i)), offDiagonal };
}

/** How many eigenvalues of the tridiagonal matrix are below x: the negative pivots of its LDLᵀ factorisation shifted by x. */
function eigenvaluesBelow(diagonal: Float64Array, offDiagonal: Float64Array, x: number): number {
  let count = 0;
  let pivot = 1;
  for (let i = 0; i < diagonal.length; i++) {
    const coupling = offDiagonal[i] as number;
    pivot = (diagonal[i] as number) - x - (coupling * coupling) / pivot;
    if (pivot === 0) pivot = -Number.MIN_VALUE;
    if (pivot < 0) count++;
  }
  return count;
}
