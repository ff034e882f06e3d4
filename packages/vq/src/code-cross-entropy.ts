import {
  cast,
  div,
  expandDims,
  greater,
  logSumExp,
  matMul,
  maximum,
  mul,
  neg,
  slice,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  transpose,
  unsortedSegmentSum,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { defineKernel, gatherCodes } from '@vqkit/core-tensor';
import { byRows, type Compared, compared, LEAST_DISTANCE, scoresOf } from './scores.ts';

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
