import {
  abs,
  add,
  cast,
  greaterEqual,
  lessEqual,
  minimum,
  mul,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tanh,
  tensor1d,
  tidy,
} from '@tensorflow/tfjs-core';
import { mixedRadixDigits } from '../digits.ts';
import type { FsqAttrs } from '../fsq-attrs.ts';
import { defineKernel, type Kernel } from '../kernel.ts';
import { sum } from './reduce.ts';

const FsqQuantizeGrad: Kernel<{ dy: Tensor2D; z: Tensor2D }, FsqAttrs, [dz: Tensor2D]> = defineKernel({
  name: 'FsqQuantizeGrad',
  reference: ({ dy, z }, attrs) => [mul(dy, fsqSlope(z, attrs))],
});

/**
 * FSQ of N tokens with d features: [N, d] → codes [N, d] and int32 indices [N], `level_i = #{j : z_i >= threshold_ij}`,
 * `code_i = (level_i - center_i)·step_i`, `index = Σ level_i·basis_i`.
 *
 * The thresholds are the definition of a level; a comparison is exact, so every engine gives the same integers. A threshold itself
 * belongs to the upper level; NaN is below every threshold: level 0.
 *
 * - Gradient: d code / d z = slope_i·(1 - tanh²(z_i + shift_i)), with a hard clamp slope_i where |z_i + shift_i| <= 1 and 0 elsewhere;
 *   rounding is straight-through. A NaN in z gives a NaN gradient (0 with a hard clamp). Indices have none.
 *
 * @example
 * const three = { levels: [3], thresholds: [[-0.5, 0.5]], centers: [1], steps: [1], shifts: [0], slopes: [1], hardClamp: true, basis: [1] };
 * const [codes, indices] = fsqQuantize({ z: tf.tensor2d([[0.7], [-0.2]]) }, three); // [[1], [0]] and [2, 1]
 */
export const fsqQuantize: Kernel<{ z: Tensor2D }, FsqAttrs, [codes: Tensor2D, indices: Tensor1D]> = defineKernel({
  name: 'FsqQuantize',
  reference: ({ z }, attrs) => {
    const level = fsqLevels(z, attrs);
    return [fsqCodes(level, attrs), fsqIndices(level, attrs)];
  },
  onlyFirstHasGradient: true,
  inputsToSave: ['z'],
  gradient: ([dCodes], [z], attrs) => ({
    z: () => FsqQuantizeGrad({ dy: dCodes as Tensor2D, z: z as Tensor2D }, attrs)[0],
  }),
});

/**
 * The indices of {@link fsqQuantize} alone, without the codes: [N, d] → int32 [N]. No gradient.
 *
 * @example
 * const two = { levels: [2], thresholds: [[0]], centers: [0.5], steps: [2], shifts: [0], slopes: [1], hardClamp: true, basis: [1] };
 * const [indices] = fsqEncode({ z: tf.tensor2d([[0.7], [-0.2]]) }, two); // [1, 0]
 */
export const fsqEncode: Kernel<{ z: Tensor2D }, FsqAttrs, [indices: Tensor1D]> = defineKernel({
  name: 'FsqEncode',
  reference: ({ z }, attrs) => [fsqIndices(fsqLevels(z, attrs), attrs)],
});

const FsqDecode: Kernel<{ indices: Tensor1D }, FsqAttrs, [codes: Tensor2D]> = defineKernel({
  name: 'FsqDecode',
  reference: ({ indices }, attrs) => [fsqCodes(mixedRadixDigits(indices, attrs.levels), attrs)],
});

/**
 * The codes of int32 indices, the inverse of {@link fsqQuantize}: [N] → [N, d], the same bits. Indices must be in [0, Π L_i). No gradient.
 *
 * @example
 * const two = { levels: [2], thresholds: [[0]], centers: [0.5], steps: [2], shifts: [0], slopes: [1], hardClamp: true, basis: [1] };
 * fsqDecode(tf.tensor1d([1, 0], 'int32'), two); // [[1], [-1]]
 */
export function fsqDecode(indices: Tensor1D, attrs: FsqAttrs): Tensor2D {
  return FsqDecode({ indices }, attrs)[0];
}

/** The level of each element, 0 … L_i - 1, int32 [N, d]: the number of thresholds that z has reached. */
function fsqLevels(z: Tensor2D, { levels, thresholds }: FsqAttrs): Tensor2D {
  const reached = (j: number): Tensor => {
    const row = levels.map((_, i) => thresholds[i]?.[j] ?? Number.POSITIVE_INFINITY);
    return cast(greaterEqual(z, tensor1d(row, 'float32')), 'float32');
  };
  let level = reached(0);
  for (let j = 1; j < Math.max(...levels) - 1; j++) level = add(level, reached(j));
  // +Infinity reaches the padding of the shorter features too.
  const highest = tensor1d(
    levels.map((l) => l - 1),
    'float32',
  );
  return cast(minimum(level, highest), 'int32');
}

function fsqIndices(level: Tensor2D, { basis }: FsqAttrs): Tensor1D {
  return sum(mul(level, tensor1d([...basis], 'int32')), 1);
}

/**
 * The codes of levels, `code_i = (level_i - center_i)·step_i`: int32 [N, d] → float32 [N, d], the same bits that {@link fsqQuantize}
 * gives. No gradient.
 *
 * @example
 * fsqCodes(tf.tensor2d([[0, 2]], [1, 2], 'int32'), { centers: [1, 1], steps: [1, 1] }); // [[-1, 1]]
 */
export function fsqCodes(level: Tensor2D, { centers, steps }: Pick<FsqAttrs, 'centers' | 'steps'>): Tensor2D {
  return tidy(() =>
    mul(sub(cast(level, 'float32'), tensor1d([...centers], 'float32')), tensor1d([...steps], 'float32')),
  );
}

/** d code / d z of the bounding function; rounding is straight-through. */
function fsqSlope(z: Tensor2D, { shifts, slopes, hardClamp }: FsqAttrs): Tensor {
  const shifted = add(z, tensor1d([...shifts], 'float32'));
  const slope = tensor1d([...slopes], 'float32');
  if (hardClamp) return mul(cast(lessEqual(abs(shifted), 1), 'float32'), slope);
  const t = tanh(shifted);
  return mul(mul(sub(1, t), add(1, t)), slope);
}
