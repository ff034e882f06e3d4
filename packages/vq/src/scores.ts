import {
  add,
  cast,
  concat,
  cumsum,
  div,
  exp,
  expandDims,
  greater,
  less,
  logicalAnd,
  logSumExp,
  max,
  maximum,
  mul,
  neg,
  slice,
  softmax,
  sqrt,
  square,
  step,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tidy,
  transpose,
  unsortedSegmentSum,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { defineKernel, gatherCodes, matMul, type Rng, selectRows, sum, withoutGradient } from '@vqkit/core-tensor';
import { middleOf, someRows, usable } from './ema.ts';

/** The scores of some rows are computed at a time, so that no N × K matrix exists: 8 MB. */
const TILE_SCORES = 2 ** 21;

/** Below this distance the square root has no slope, as in the reference library. */
const LEAST_DISTANCE = 1e-4;

/** The score of a code that is never to be chosen. */
const NEVER = -(2 ** 100);

/** Runs `f` on parts of the n rows, `f(start, size)`, and puts the results together. */
function byRows<T extends Tensor>(n: number, codes: number, f: (start: number, size: number) => T): T {
  const most = Math.max(1, Math.floor(TILE_SCORES / codes));
  const parts: T[] = [];
  for (let start = 0; start < n; start += most) parts.push(tidy(() => f(start, Math.min(most, n - start))));
  return parts.length === 1 ? (parts[0] as T) : (concat(parts, 0) as T);
}

/** Rows and the codes that they are compared with. */
export interface Compared {
  readonly x: Tensor2D;
  /** Zeros in place of those without a number or, for cosine similarity, a direction. */
  readonly codes: Tensor2D;
  /** [K]: added to the scores, far below every score for such a code, else 0. */
  readonly bias: Tensor1D;
}

/**
 * Rows and codes to compare, with their gradients. For distances both are moved to where the rows lie, so that an offset that they have in
 * common costs no digits.
 */
export function compared(x: Tensor2D, codes: Tensor2D, useCosineSim: boolean): Compared {
  const fit = withoutGradient(() => {
    const squared = sum(square(codes), 1) as Tensor1D;
    const finite = less(squared, 2 ** 112) as Tensor1D;
    return useCosineSim ? (logicalAnd(finite, greater(squared, 0)) as Tensor1D) : finite;
  });
  const bias = withoutGradient<Tensor1D>(() => mul(sub(1, cast(fit, 'float32')), NEVER));
  const clean = (moved: Tensor2D): Tensor2D => selectRows(fit, moved, zerosLike(moved));
  if (useCosineSim) return { x, codes: clean(codes), bias };
  const origin = withoutGradient(() => middleOf(usable(someRows(x), undefined, false).x));
  return { x: sub(x, origin), codes: clean(sub(codes, origin)), bias };
}

/** [n, d], [K, d] → [n, K]: `-|x - c|`, at most -1e-4; for cosine similarity ⟨x, c⟩. */
export function scoresOf({ x, codes, bias }: Compared, useCosineSim: boolean): Tensor2D {
  const products: Tensor2D = matMul(x, transpose(codes));
  if (useCosineSim) return add(products, bias);
  const squares = (rows: Tensor2D): Tensor => sum(square(rows), 1);
  const squared = sub(add(expandDims(squares(x), 1), squares(codes)), mul(products, 2));
  return sub(bias, sqrt(maximum(squared, LEAST_DISTANCE ** 2)));
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
    const { x: clean, weights } = usable(x, undefined, useCosineSim);
    const among = compared(clean, codes, useCosineSim);
    const drawn = byRows(n, k, (start, size) => {
      const logits = div(scoresOf({ ...among, x: slice(among.x, [start, 0], [size, -1]) }, useCosineSim), temperature);
      const steps = cumsum(exp(sub(logits, max(logits, 1, true))), 1);
      // Draws are below 1, and so a step is above the height.
      const height = mul(slice(steps, [0, k - 1], [size, 1]), slice(draws, [start, 0], [size, 1]));
      return sub(k, sum(step(sub(steps, height)), 1)) as Tensor1D;
    });
    return cast(mul(drawn, weights), 'int32') as Tensor1D;
  });
}

type Inputs = { [name in keyof Compared]: Compared[name] } & { indices: Tensor1D };

const CodeCrossEntropy = defineKernel<Inputs, { useCosineSim: boolean }, [Tensor1D]>({
  name: 'CodeCrossEntropy',
  reference: ({ x, codes, bias, indices }, { useCosineSim }) => [
    byRows(x.shape[0], codes.shape[0], (start, size) => {
      const rows = slice(x, [start, 0], [size, -1]);
      const own = chosen(rows, codes, slice(indices, start, size), useCosineSim);
      return sub(logSumExp(scoresOf({ x: rows, codes, bias }, useCosineSim), 1), own.score) as Tensor1D;
    }),
  ],
  inputsToSave: ['x', 'codes', 'bias', 'indices'],
  gradient: ([dy], tensors, { useCosineSim }) => {
    const [x, codes, bias, indices] = tensors as [Tensor2D, Tensor2D, Tensor1D, Tensor1D];
    const saved = { x, codes, bias, indices };
    return {
      x: () => toTokens(dy as Tensor1D, saved, useCosineSim),
      codes: () => toCodes(dy as Tensor1D, saved, useCosineSim),
      bias: () => zerosLike(bias),
      indices: () => zerosLike(indices),
    };
  },
});

/**
 * Cross-entropy of the chosen codes under `p = softmax(score)`, `score_k = -|x - c_k|` or, for cosine similarity, ⟨x, c_k⟩: [N]. The
 * probabilities of some rows at a time, computed again for the gradient, which goes to x and to the codes.
 */
export function codeCrossEntropy(x: Tensor2D, codes: Tensor2D, indices: Tensor1D, useCosineSim: boolean): Tensor1D {
  return CodeCrossEntropy({ ...compared(x, codes, useCosineSim), indices }, { useCosineSim })[0];
}

/** ∂/∂x = Σ_k p_k ∂score_k - ∂score_chosen, with ∂score_k = -(x - c_k)/|x - c_k| or c_k. */
function toTokens(dy: Tensor1D, { x, codes, bias, indices }: Inputs, useCosineSim: boolean): Tensor2D {
  return byRows(x.shape[0], codes.shape[0], (start, size) => {
    const rows = slice(x, [start, 0], [size, -1]);
    const own = chosen(rows, codes, slice(indices, start, size), useCosineSim);
    const pull = slopes({ x: rows, codes, bias }, useCosineSim);
    const mean = matMul(pull, codes);
    const all = useCosineSim ? mean : sub(mean, mul(rows, sum(pull, 1, true)));
    return mul(sub(all, own.toRow), expandDims(slice(dy, start, size), 1)) as Tensor2D;
  });
}

/** ∂/∂c_k = Σ_n p_nk ∂score_nk - Σ over the rows that chose k of ∂score, with ∂score_nk = (x - c_k)/|x - c_k| or x. */
function toCodes(dy: Tensor1D, { x, codes, bias, indices }: Inputs, useCosineSim: boolean): Tensor2D {
  const [n, k] = [x.shape[0], codes.shape[0]];
  const most = byRows(n, k, (start, size) => {
    const rows = slice(x, [start, 0], [size, -1]);
    const part = slice(indices, start, size);
    const weights = expandDims(slice(dy, start, size), 1);
    const pull = mul(slopes({ x: rows, codes, bias }, useCosineSim), weights) as Tensor2D;
    const sums = matMul(transpose(pull), rows);
    const all = useCosineSim ? sums : sub(sums, mul(codes, expandDims(sum(pull, 0), 1)));
    const { toCode } = chosen(rows, codes, part, useCosineSim);
    const own = unsortedSegmentSum(mul(toCode, weights), part, k);
    return expandDims(sub(all, own), 0);
  });
  return sum(most, 0) as Tensor2D;
}

/** [n, K]: p_k / |x - c_k|, 0 where the distance is at its least; for cosine similarity p_k. */
function slopes(among: Compared, useCosineSim: boolean): Tensor2D {
  const scores = scoresOf(among, useCosineSim);
  const p = softmax(scores);
  if (useCosineSim) return p;
  const distances = neg(scores);
  return mul(div(p, distances), cast(greater(distances, LEAST_DISTANCE), 'float32')) as Tensor2D;
}

/** Score of the chosen code of each row, and its gradient to the row and to the code. */
function chosen(
  x: Tensor2D,
  codes: Tensor2D,
  indices: Tensor1D,
  useCosineSim: boolean,
): { score: Tensor; toRow: Tensor; toCode: Tensor } {
  const own = gatherCodes(codes, indices);
  if (useCosineSim) return { score: sum(mul(x, own), 1), toRow: own, toCode: x };
  const offset = sub(x, own);
  const distance = maximum(sqrt(sum(square(offset), 1, true)), LEAST_DISTANCE);
  const toCode = mul(div(offset, distance), cast(greater(distance, LEAST_DISTANCE), 'float32'));
  return { score: neg(sum(distance, 1)), toRow: neg(toCode), toCode };
}
