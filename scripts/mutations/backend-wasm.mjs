const KERNELS = ['packages/core-tensor/test/kernels', 'packages/nn/test/kernels', 'packages/backend-wasm/test/kernels'];
const ENTROPY = ['packages/core-tensor/test/kernels/bit-entropy.test.ts', 'packages/losses/test/lfq-entropy.test.ts'];
const STACKS = ['packages/core-tensor/test/kernels', 'packages/residual/test/fused.test.ts'];

/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/backend-wasm/src/kernels/bit-entropy.ts',
    fault: 'the average probabilities of a second group of tokens replace those of the first',
    from: 'const before = first === 0 ? 0 : 1;',
    to: 'const before = 0;',
    tests: ENTROPY,
  },
  {
    file: 'packages/backend-wasm/src/kernels/sum.ts',
    fault: 'the mean of everything is the sum',
    from: 'value[0] = (value[0] as number) / size;',
    to: 'value[0] = value[0] as number;',
  },
  {
    file: 'packages/backend-wasm/src/kernels/sum.ts',
    fault: 'a sum over the last axis counts as one over leading axes',
    from: 'axes.every((a, i) => a === i)',
    to: 'axes.every((a) => a >= 0)',
  },
  {
    file: 'packages/backend-wasm/src/kernels/gather-sum.ts',
    fault: 'the sum of codes takes every stack for one with dropout',
    from: 'Number(dropout)',
    to: '1',
    tests: STACKS,
  },
  {
    file: 'packages/backend-wasm/src/pool.ts',
    fault: 'the last thread leaves its last unit',
    from: 'return Math.floor((units * thread) / threads);',
    to: 'return Math.floor((units * thread) / threads) - (thread === threads && threads > 1 && units > 4 ? 1 : 0);',
    tests: KERNELS,
  },
  {
    file: 'packages/backend-wasm/src/guard.ts',
    fault: 'a kernel that throws leaves its outputs behind',
    from: 'for (const dataId of made.slice(first, madeCount)) (call.backend as BackendWasm).disposeData(dataId, true);',
    to: '',
    tests: ['packages/backend-wasm/test'],
  },
  {
    file: 'packages/backend-wasm/src/guard.ts',
    fault: 'a minimum over nothing is 0',
    from: 'Max: Number.NaN, Min: Number.NaN, Prod: 1',
    to: 'Max: Number.NaN, Prod: 1',
    tests: ['packages/backend-wasm/test', 'packages/core-tensor/test/empty-sums.test.ts'],
  },
  {
    file: 'packages/backend-wasm/src/search-codes.ts',
    fault: 'codes that are far apart are screened in 16 bits all the same',
    from: 'screened: 2 ** 6 }',
    to: 'screened: 2 ** 30 }',
    tests: ['packages/backend-wasm/test', 'packages/core-tensor/test/kernels'],
    note: 'equal: screening proves its bounds, the spread only says where it pays',
  },
  {
    file: 'packages/backend-wasm/assembly/sign.ts',
    fault: 'a feature that is 0 has bit 1, in the rest of a block',
    from: 'const above = load<f32>(source + at) > 0;',
    to: 'const above = load<f32>(source + at) >= 0;',
    tests: KERNELS,
  },
  {
    file: 'packages/backend-wasm/assembly/rotate.ts',
    fault: 'the gradient of the rotation ignores maxScale on wasm',
    from: 'defined ? min(ratio, maxScale) : 1',
    to: 'defined ? ratio : 1',
    tests: ['packages/core-tensor/test/kernels', 'packages/losses/test/rotate-to.test.ts'],
  },
  {
    file: 'packages/backend-wasm/assembly/adamw.ts',
    fault: 'the last elements of a parameter do not decay',
    from: 'load<f32>(parameter + i) * decay - change',
    to: 'load<f32>(parameter + i) - change',
    tests: KERNELS,
  },
  {
    file: 'packages/backend-wasm/assembly/segment.ts',
    fault: 'an id beyond the segments adds to the last',
    from: 'const id = load<i32>(ids + ((<usize>row) << 2));',
    to: 'const id = min(load<i32>(ids + ((<usize>row) << 2)), segments - 1);',
    tests: KERNELS,
  },
];
