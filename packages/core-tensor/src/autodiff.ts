import { customGrad, engine, type KernelBackend, type Tensor, tidy, zeros } from '@tensorflow/tfjs-core';

/**
 * Runs `f` outside the gradient tape: nothing in it is recorded, its result is a constant, its intermediates are disposed. Use it where
 * integers are computed from activations (an argmin), which have no gradient: tfjs's gradient of `gather` throws when its indices
 * hang on the tape.
 *
 * @param f returns one tensor.
 * @example
 * const nearest = withoutGradient(() => tf.argMin(distances, 1)); // gather(codebook, nearest) can be differentiated
 */
export function withoutGradient<T extends Tensor>(f: () => T): T {
  const constant = customGrad(() => ({ value: tidy(f), gradFunc: () => [] }));
  return (constant as unknown as () => T)();
}

/**
 * The values of x as a constant to the gradient tape: a tensor of its own that shares the data of x. Nothing is computed.
 *
 * @example
 * tf.grad((x) => tf.sum(tf.mul(x, detach(x))))(tf.tensor1d([3])); // [3], not [6]
 */
export function detach<T extends Tensor>(x: T): T {
  const { backend } = engine().state.tensorInfo.get(x.dataId) as { backend: KernelBackend };
  backend.incRef(x.dataId);
  return engine().makeTensorFromTensorInfo(x, backend) as T;
}

/**
 * Zeros as a function of `inputs`, to each of which their gradient is zero; tfjs throws for the gradient of a constant.
 *
 * @example
 * tf.grad((x) => zerosFrom([], [x]))(tf.ones([3])); // [0, 0, 0]
 */
export function zerosFrom(shape: number[], inputs: readonly Tensor[]): Tensor {
  if (inputs.length === 0 || engine().state.gradientDepth === 0) return zeros(shape);
  const shapes = inputs.map((input) => input.shape);
  return customGrad(() => ({ value: zeros(shape), gradFunc: () => shapes.map((own) => zeros(own)) }))(...inputs);
}
