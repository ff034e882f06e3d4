import { type Tensor, matMul as tfjsMatMul } from '@tensorflow/tfjs-core';
import { ShapeError, show } from '../errors.ts';
import { defineKernel, type Kernel } from '../kernel.ts';

interface MatMulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

const MatMul: Kernel<{ a: Tensor; b: Tensor }, MatMulAttrs, [Tensor]> = defineKernel({
  name: 'MatMul',
  reference: ({ a, b }, { transposeA, transposeB }) => [tfjsMatMul(a, b, transposeA, transposeB)],
  inputsToSave: ['a', 'b'],
  gradient: ([slope], saved, { transposeA, transposeB }) => {
    const dy = slope as Tensor;
    const [a, b] = saved as [Tensor, Tensor];
    return {
      a: () => (transposeA ? matMul(b, dy, transposeB, true) : matMul(dy, b, false, !transposeB)),
      b: () => (transposeB ? matMul(dy, a, true, transposeA) : matMul(a, dy, !transposeA)),
    };
  },
});

/**
 * The product of two matrices, tfjs's `matMul`, as a kernel of its own: an engine may run it faster, and with other roundings, and models of plain
 * TensorFlow.js keep theirs.
 *
 * - Shapes: a [batch…, N, M] and b [batch…, M, K], or with its last two axes the other way round where it is transposed, → [batch…, N, K].
 * - Gradient: to both; none where the batch axes differ, as in tfjs.
 *
 * @throws ShapeError when the inner sizes differ.
 * @example
 * matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])); // [[11]]
 */
export function matMul<T extends Tensor>(a: Tensor, b: T, transposeA = false, transposeB = false): T {
  const floats = a.dtype === 'float32' && b.dtype === 'float32';
  const [inner, rows] = [a.shape.at(transposeA ? -2 : -1), b.shape.at(transposeB ? -1 : -2)];
  if (inner !== rows) {
    const rule = `have ${inner} ${transposeB ? 'columns' : 'rows'}, as many as a, of shape ${show(a.shape)}, has ${transposeA ? 'rows' : 'columns'}`;
    throw new ShapeError('matMul', 'b', rule, b.shape, 'Transpose one of them.');
  }
  if (!floats) return tfjsMatMul(a, b, transposeA, transposeB) as T;
  return MatMul({ a, b }, { transposeA, transposeB })[0] as T;
}
