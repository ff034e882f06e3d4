import {
  div,
  fill,
  type GradConfig,
  mul,
  reshape,
  type Scalar,
  type SumAttrs,
  type Tensor,
  util,
} from '@tensorflow/tfjs-core';

/** One number everywhere in a shape. */
type Spread = (inputs: { value: Scalar }, attrs: { readonly shape: readonly number[] }) => [Tensor];

/**
 * For an engine that makes tensors much faster than JavaScript: the gradients of Sum and Mean with the values that tfjs gives them. tfjs makes an array of ones in JavaScript at every step and copies
 * it to the engine, which takes longer than a small step's kernels; here they are made there.
 */
export function spreadGradient(kernelName: 'Sum' | 'Mean', spread: Spread): GradConfig {
  return {
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => {
      const { shape } = x as Tensor;
      const axes = util.parseAxisParam((attrs as unknown as SumAttrs).axis, shape);
      const kept = shape.map((size, i) => (axes.includes(i) ? 1 : size));
      const terms = axes.reduce((product, axis) => product * (shape[axis] as number), 1);
      return {
        x: () => {
          const each = kernelName === 'Mean' ? div(dy as Tensor, terms) : (dy as Tensor);
          if (util.sizeFromShape(kept) === 1) {
            const value = each.rank === 0 ? each : reshape(each, []);
            return spread({ value: value as Scalar }, { shape })[0];
          }
          return mul(reshape(each, kept), fill(shape, 1));
        },
      };
    },
  };
}
