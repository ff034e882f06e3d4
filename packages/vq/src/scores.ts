import {
  add,
  concat,
  cumsum,
  div,
  exp,
  expandDims,
  lessEqual,
  matMul,
  max,
  maximum,
  minimum,
  mul,
  neg,
  scalar,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';
import { type Rng, withoutGradient } from '@vqkit/core-tensor';

/** The scores of some rows are computed at a time, so that no N × K matrix exists: 8 MB. */
const TILE_SCORES = 2 ** 21;

/** Below this distance the square root has no slope, as in the reference library. */
export const LEAST_DISTANCE = 1e-4;

/** Runs `f` on parts of the n rows, `f(start, size)`, and puts the results together. */
export function byRows<T extends Tensor>(n: number, codes: number, f: (start: number, size: number) => T): T {
  const most = Math.max(1, Math.floor(TILE_SCORES / codes));
  const parts: T[] = [];
  for (let start = 0; start < n; start += most) parts.push(tidy(() => f(start, Math.min(most, n - start))));
  return parts.length === 1 ? (parts[0] as T) : (concat(parts, 0) as T);
}

/** [n, d], [K, d] → [n, K]: `-|x - c|`, at most -1e-4; for cosine similarity ⟨x, c⟩. */
export function scoresOf(x: Tensor2D, codes: Tensor2D, useCosineSim: boolean): Tensor2D {
  const products: Tensor2D = matMul(x, transpose(codes));
  if (useCosineSim) return products;
  const squares = (rows: Tensor2D): Tensor => sum(square(rows), 1);
  const squared = sub(add(expandDims(squares(x), 1), squares(codes)), mul(products, 2));
  return neg(sqrt(maximum(squared, LEAST_DISTANCE ** 2))) as Tensor2D;
}

/**
 * Draws a code for each row with probability `softmax(score / temperature)`: int32 [N]. One random number per row: the first code at
 * which the cumulated probability exceeds it.
 */
export function sampleCodes(
  x: Tensor2D,
  codes: Tensor2D,
  { temperature, useCosineSim, rng }: { temperature: number; useCosineSim: boolean; rng: Rng },
): Tensor1D {
  const [n, k] = [x.shape[0], codes.shape[0]];
  const draws = tensor2d(rng.uniformArray(n, 0, 1), [n, 1]);
  return withoutGradient(() =>
    byRows(n, k, (start, size) => {
      const logits = div(scoresOf(slice(x, [start, 0], [size, -1]), codes, useCosineSim), temperature);
      const steps = cumsum(exp(sub(logits, max(logits, 1, true))), 1);
      const height = mul(slice(steps, [0, k - 1], [size, 1]), slice(draws, [start, 0], [size, 1]));
      // Draws are below 1 and so heights below the last step, except where a NaN is among the scores.
      return minimum(sum(lessEqual(steps, height), 1), scalar(k - 1, 'int32')) as Tensor1D;
    }),
  );
}
