import {
  div,
  fill,
  type GradConfig,
  mul,
  registerGradient,
  reshape,
  type SumAttrs,
  type Tensor,
  util,
} from '@tensorflow/tfjs-core';

/**
 * The gradients of Sum and Mean with the values that tfjs gives them. tfjs makes an array of ones in JavaScript at every step and copies
 * it to the engine, which takes longer than a small step's kernels; `fill` makes it there.
 */
function spreadGradient(kernelName: 'Sum' | 'Mean'): GradConfig {
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
          return mul(reshape(each, kept), fill(shape, 1));
        },
      };
    },
  };
}

/** Once, when the module of kernels is loaded; tfjs's own must be there before, or they would replace these. */
export function registerReductionGradients(): void {
  registerGradient(spreadGradient('Sum'));
  registerGradient(spreadGradient('Mean'));
}
