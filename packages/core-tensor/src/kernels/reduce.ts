import {
  div,
  fill,
  type GradConfig,
  mul,
  reshape,
  type Scalar,
  type SumAttrs,
  type Tensor,
  mean as tfjsMean,
  sum as tfjsSum,
  util,
} from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel, replaceGradient } from '../kernel.ts';

interface ReduceAttrs {
  readonly axis?: number | number[] | undefined;
  readonly keepDims: boolean;
}

type Reduction = Kernel<{ x: Tensor }, ReduceAttrs, [Tensor]>;

/** One number everywhere in a shape; on the tape, because the gradients that are made of it may be differentiated again. */
const Spread = defineKernel<{ value: Scalar }, { readonly shape: readonly number[] }, [Tensor]>({
  name: 'Spread',
  reference: ({ value }, { shape }) => [mul(value, fill([...shape], 1))],
  gradient: ([dy]) => ({ value: () => sum(dy as Tensor) }),
});

const ReduceSum: Reduction = defineKernel({
  name: 'ReduceSum',
  reference: ({ x }, { axis, keepDims }) => [tfjsSum(x, axis, keepDims)],
  inputsToSave: ['x'],
  gradient: ([dy], [x], attrs) => ({ x: () => spread('Sum', dy as Tensor, x as Tensor, attrs) }),
});

const ReduceMean: Reduction = defineKernel({
  name: 'ReduceMean',
  reference: ({ x }, { axis, keepDims }) => [tfjsMean(x, axis, keepDims)],
  inputsToSave: ['x'],
  gradient: ([dy], [x], attrs) => ({ x: () => spread('Mean', dy as Tensor, x as Tensor, attrs) }),
});

/**
 * The gradient of a sum or a mean, with the values that tfjs gives it. tfjs makes an array of ones in JavaScript at every step and copies it to the
 * engine, which takes longer than a small step's kernels; here they are made there.
 */
function spread(name: 'Sum' | 'Mean', dy: Tensor, { shape }: Tensor, { axis }: Pick<ReduceAttrs, 'axis'>): Tensor {
  const axes = util.parseAxisParam(axis as number, shape);
  const kept = shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const terms = axes.reduce((product, own) => product * (shape[own] as number), 1);
  const each = name === 'Mean' ? div(dy, terms) : dy;
  if (util.sizeFromShape(kept) !== 1) return mul(reshape(each, kept), fill(shape, 1));
  const value = each.rank === 0 ? each : reshape(each, []);
  return Spread({ value: value as Scalar }, { shape })[0];
}

/**
 * The sum along axes, tfjs's `sum`, as a kernel of its own: an engine may run it faster, and add in another order, and models of plain TensorFlow.js
 * keep theirs.
 *
 * - Shapes: x of any; `axis` goes, or stays with length 1 where `keepDims`. Default: all axes.
 * - Gradient: to x, the same for each term.
 *
 * @example
 * sum(tf.tensor2d([[1, 2], [3, 4]]), 0); // [4, 6]
 */
export function sum<T extends Tensor>(x: Tensor, axis?: number | number[], keepDims = false): T {
  if (x.dtype !== 'float32') return tfjsSum(x, axis, keepDims);
  return ReduceSum({ x }, { axis, keepDims })[0] as T;
}

/**
 * The mean along axes, tfjs's `mean`, as a kernel of its own, as {@link sum} is.
 *
 * @example
 * mean(tf.tensor2d([[1, 2], [3, 4]]), 0); // [2, 3]
 */
export function mean<T extends Tensor>(x: Tensor, axis?: number | number[], keepDims = false): T {
  if (x.dtype !== 'float32') return tfjsMean(x, axis, keepDims);
  return ReduceMean({ x }, { axis, keepDims })[0] as T;
}

/**
 * For backend packages: gives tfjs's own Sum and Mean the same gradients, on every engine. Their values are those of tfjs, bit for bit.
 */
export function provideReductionGradients(): void {
  for (const kernelName of ['Sum', 'Mean'] as const) {
    const gradFunc: GradConfig['gradFunc'] = (dy, [x], attrs) => ({
      x: () => spread(kernelName, dy as Tensor, x as Tensor, attrs as unknown as SumAttrs),
    });
    replaceGradient({ kernelName, inputsToSave: ['x'], gradFunc });
  }
}
