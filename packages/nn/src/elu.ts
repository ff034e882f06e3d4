import { add, customGrad, type GradSaveFunc, minimum, mul, type Tensor, elu as tfElu } from '@tensorflow/tfjs-core';

/**
 * The exponential linear unit, `x` above 0 and `e^x - 1` below: PyTorch's nn.ELU. Its gradient at 0 is 1.
 *
 * Source: Clevert, Unterthiner, Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units", arXiv:1511.07289.
 * @example
 * elu(tf.tensor1d([-1, 0, 1])); // [-0.6321, 0, 1]
 */
export function elu<T extends Tensor>(x: T): T {
  return withSlope(x) as T;
}

/** The slope is y + 1 below 0. TensorFlow.js's own gradient is a kernel that wasm lacks. */
const withSlope = customGrad((given, save) => {
  const y = tfElu(given as Tensor);
  (save as GradSaveFunc)([y]);
  return { value: y, gradFunc: (dy, [kept]) => mul(dy, add(minimum(kept as Tensor, 0), 1)) };
});
