/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/nn/src/kernels/conv-same.ts',
    fault: 'the gradient of an upsampled input is averaged, not summed',
    from: "mul(avgPool(slope, 2, 2, 'valid'), 4)",
    to: "mul(avgPool(slope, 2, 2, 'valid'), 1)",
  },
  {
    file: 'packages/nn/src/optimizer/adamw.ts',
    fault: 'a variable without a gradient counts the step',
    from: '        if (gradient === undefined) continue;\n        entry.steps++;',
    to: '        entry.steps++;\n        if (gradient === undefined) continue;',
    tests: ['packages/nn/test/optimizer', 'apps/train/test/resume.test.ts'],
  },
  {
    file: 'packages/nn/src/optimizer/adamw.ts',
    fault: 'restore leaves the count of steps',
    from: '      for (const entry of entries) entry.steps = steps[entry.name] as number;\n',
    to: '',
    tests: ['packages/nn/test/optimizer', 'apps/train/test/resume.test.ts'],
  },
  {
    file: 'packages/nn/src/optimizer/schedule.ts',
    fault: 'the first step of a warm-up has rate 0',
    from: '(base * (step + 1)) / warmupSteps',
    to: '(base * step) / warmupSteps',
    tests: ['packages/nn/test/optimizer', 'apps/train/test/train-step.test.ts'],
  },
  {
    file: 'packages/nn/src/optimizer/clip.ts',
    fault: 'small gradients are scaled up to the norm that they are clipped at',
    from: 'minimum(div(maxNorm, add(norm, 1e-6)), 1)',
    to: 'minimum(div(maxNorm, add(norm, 1e-6)), 1e9)',
    tests: ['packages/nn/test/optimizer', 'apps/train/test/train-step.test.ts'],
  },
  {
    file: 'packages/nn/src/convolution.ts',
    fault: 'weights are written with height and width exchanged',
    from: 'transpose(held, [3, 2, 0, 1])',
    to: 'transpose(held, [3, 2, 1, 0])',
  },
  {
    file: 'packages/nn/src/convolution.ts',
    fault: 'a causal convolution sees the next place',
    from: 'before: transposed ? 0 : beyond, after: transposed ? beyond : 0',
    to: 'before: transposed ? 0 : beyond - 1, after: transposed ? beyond : 1',
  },
  {
    file: 'packages/nn/src/kernels/convolution.ts',
    fault: 'the gradient of the input forgets the padding before',
    from: 'const first = dilation * (taps - 1) - before;',
    to: 'const first = dilation * (taps - 1);',
  },
];
