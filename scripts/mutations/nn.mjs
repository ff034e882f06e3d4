/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/nn/src/kernels/conv-same.ts',
    fault: 'the gradient of an upsampled input is averaged, not summed',
    from: "mul(avgPool(slope, 2, 2, 'valid'), 4)",
    to: "mul(avgPool(slope, 2, 2, 'valid'), 1)",
  },
];
