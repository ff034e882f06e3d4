import {
  add,
  cast,
  concat,
  cumsum,
  div,
  exp,
  expandDims,
  matMul,
  max,
  maximum,
  mul,
  neg,
  slice,
  sqrt,
  square,
  step,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
  transpose,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { type Rng, selectRows, withoutGradient } from '@vqkit/core-tensor';
import { usableRows } from './ema.ts';

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
 * which the cumulated probability exceeds it. A row that the search does not use gets index 0 here too.
 */
export function sampleCodes(
  x: Tensor2D,
  codes: Tensor2D,
  { temperature, useCosineSim, rng }: { temperature: number; useCosineSim: boolean; rng: Rng },
): Tensor1D {
  const [n, k] = [x.shape[0], codes.shape[0]];
  const draws = tensor2d(rng.uniformArray(n, 0, 1), [n, 1]);
  return withoutGradient(() => {
    const usable = usableRows(x);
    const clean = selectRows(usable, x, zerosLike(x));
    const drawn = byRows(n, k, (start, size) => {
      const logits = div(scoresOf(slice(clean, [start, 0], [size, -1]), codes, useCosineSim), temperature);
      const steps = cumsum(exp(sub(logits, max(logits, 1, true))), 1);
      // Draws are below 1, and so a step is above the height.
      const height = mul(slice(steps, [0, k - 1], [size, 1]), slice(draws, [start, 0], [size, 1]));
      return sub(k, sum(step(sub(steps, height)), 1)) as Tensor1D;
    });
    return mul(cast(drawn, 'int32'), cast(usable, 'int32')) as Tensor1D;
  });
}
