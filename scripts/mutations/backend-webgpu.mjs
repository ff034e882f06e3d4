const KERNELS = (/** @type {string} */ name) => [`packages/core-tensor/test/kernels/${name}.test.ts`];

/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/backend-webgpu/src/kernels/rotate-to-grad.ts',
    fault: 'the gradient of the rotation ignores maxScale on WebGPU',
    from: 'let scale = min((peakQ / peakX) * (norm.y / unit.x), params.maxScale);',
    to: 'let scale = (peakQ / peakX) * (norm.y / unit.x);',
    tests: ['packages/losses/test/rotate-to.test.ts'],
  },
  {
    file: 'packages/backend-webgpu/src/kernels/select-rows.ts',
    fault: 'a column that stands for whole rows is read as rows',
    from: 'select(0u, 1u, params.bDim == params.dim)',
    to: '1u',
    tests: KERNELS('select-rows'),
  },
  {
    file: 'packages/backend-webgpu/src/kernels/sign-quantize.ts',
    fault: 'NaN has bit 1',
    from: 'x[at] > 0u && x[at] <= 0x7f800000u',
    to: 'x[at] > 0u && x[at] <= 0x7fffffffu',
    tests: KERNELS('sign-quantize'),
  },
  {
    file: 'packages/backend-webgpu/src/kernels/sign-decode.ts',
    fault: 'the first bit is the least significant',
    from: 'indices[row] >> (params.dim - 1u - i)',
    to: 'indices[row] >> i',
    tests: KERNELS('sign-quantize'),
  },
  {
    file: 'packages/backend-webgpu/src/kernels/adamw-step.ts',
    fault: 'epsilon is inside of the root',
    from: '(sqrt(second) * params.rootScale + params.epsilon)',
    to: '(sqrt(second + params.epsilon) * params.rootScale)',
    tests: ['packages/nn/test/kernels/adamw-step.test.ts'],
  },
  {
    file: 'packages/backend-webgpu/src/kernels/reverse-bits.ts',
    fault: 'an index out of range is reversed as well',
    from: 'index < (1u << params.bits)',
    to: 'index < 0xffffffffu',
    tests: KERNELS('reverse-bits'),
  },
  {
    file: 'packages/backend-webgpu/src/kernels/gather-codes.ts',
    fault: 'an index out of range takes the last code',
    from: 'if (place >= 0 && place < params.count) {',
    to: 'if (place >= 0) {',
    tests: [...KERNELS('gather-codes'), 'packages/backend-webgpu/test/tiles.test.ts'],
    note: 'equal: indices must be in range, and what the first rows of a large codebook write for later ones, these write over',
  },
  {
    file: 'packages/backend-webgpu/src/kernels/fsq-grad.ts',
    fault: 'the slope of the hard clamp has no ends',
    from: 'select(0.0, slope, abs(u) <= 1.0)',
    to: 'slope',
    tests: KERNELS('fsq-quantize'),
  },
  {
    file: 'packages/backend-webgpu/src/kernels/unsorted-segment-sum.ts',
    fault: 'the last rows of a segment of more than 64 are lost',
    from: 'sums[params.first + row] = total + part;',
    to: 'sums[params.first + row] = select(total, part, found < 64u);',
    tests: ['packages/backend-webgpu/test/small.test.ts', 'packages/vq/test/ema.test.ts'],
  },
  {
    file: 'packages/backend-webgpu/src/kernels/code-counts.ts',
    fault: 'with several tables of counts the later ones start at code 0',
    from: 'run(backend, CODE_COUNTS, tokens, operands, { firstCode, codes });',
    to: 'run(backend, CODE_COUNTS, tokens, operands, { firstCode: 0, codes });',
    tests: ['packages/backend-webgpu/test/tiles.test.ts', 'packages/core-tensor/test/kernels/code-counts.test.ts'],
  },
];
