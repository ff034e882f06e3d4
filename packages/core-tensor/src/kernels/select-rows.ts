import {
  cast,
  expandDims,
  greater,
  logicalNot,
  mul,
  ones,
  scalar,
  where as select,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  zeros,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.ts';

const SelectRows = defineKernel<{ condition: Tensor1D; a: Tensor2D; b: Tensor2D }, Record<string, never>, [Tensor2D]>({
  name: 'SelectRows',
  // tf.where would tile the condition to every element, which is many times slower on wasm than multiplying by ones. (Its kernel, Select,
  // takes a condition per row, but the cpu engine's version then mixes the rows up; a gather of rows is slow on wasm.)
  reference: ({ condition, a, b }) => {
    const taken = mul(expandDims(cast(condition, 'float32'), 1), ones([1, a.shape[1]]));
    return [select(greater(taken, scalar(0)), a, b) as Tensor2D];
  },
  inputsToSave: ['condition'],
  gradient: ([dy], [condition]) => {
    const rows = dy as Tensor2D;
    return {
      condition: () => zerosLike(condition as Tensor),
      a: () => selectRows(condition as Tensor1D, rows, zeros([rows.shape[0], 1])),
      b: () => selectRows(logicalNot(condition as Tensor1D), rows, zeros([rows.shape[0], 1])),
    };
  },
});

/**
 * Takes row n from a where the condition holds, else from b, bit for bit. The gradient goes to the rows that were taken; the others
 * get exactly 0, even if the gradient that comes back to the taken ones is NaN.
 *
 * @param condition bool [N]; a constant.
 * @param a [N, d].
 * @param b of the same shape and dtype; or [N, 1], a constant: one value for all of a row.
 * @example
 * selectRows(tf.tensor1d([true, false], 'bool'), tf.ones([2, 3]), tf.zeros([2, 1])); // [[1, 1, 1], [0, 0, 0]]
 */
export function selectRows<T extends Tensor2D>(condition: Tensor1D, a: T, b: Tensor2D): T {
  return SelectRows({ condition, a, b }, {})[0] as T;
}
