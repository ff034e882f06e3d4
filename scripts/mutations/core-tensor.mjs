/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/core-tensor/src/kernels/fsq-quantize.ts',
    fault: 'the slope of the hard clamp is that of tanh in the reference',
    from: "if (hardClamp) return mul(cast(lessEqual(abs(shifted), 1), 'float32'), slope);",
    to: "if (hardClamp && slope.size > 99) return mul(cast(lessEqual(abs(shifted), 1), 'float32'), slope);",
  },
  {
    file: 'packages/core-tensor/src/sum-of-layers.ts',
    fault: 'an index out of range in one layer counts as a dropped one',
    from: "let broken: Tensor1D = any(equal(add(cast(equal(rows, scalar(-1, 'int32')), 'int32'), ran), scalar(0, 'int32')), 0);",
    to: "let broken: Tensor1D = any(equal(add(cast(equal(rows, rows), 'int32'), ran), scalar(0, 'int32')), 0);",
  },
  {
    file: 'packages/core-tensor/src/derived.ts',
    fault: 'what follows from several variables is kept when the last of them changes',
    from: 'now.some((dataId, i) => dataId !== computedFrom[i])',
    to: 'now.slice(0, Math.max(1, now.length - 1)).some((dataId, i) => dataId !== computedFrom[i])',
  },
  {
    file: 'packages/core-tensor/src/layout.ts',
    fault: 'channels-first tokens go back in the wrong order of axes',
    from: 'const toFirst = [0, rank - 1, ...range(1, rank - 1)];',
    to: 'const toFirst = [0, rank - 1, ...range(1, rank - 1).reverse()];',
  },
  {
    file: 'packages/core-tensor/src/quantizer.ts',
    fault: "with outputGradient: 'variables' padding passes its gradient",
    from: 'const padding = constant ? detach(tokens) : tokens;',
    to: 'const padding = tokens;',
  },
  {
    file: 'packages/core-tensor/src/kernels/fsq-quantize.ts',
    fault: 'on a threshold the reference takes the lower level',
    from: "cast(greaterEqual(z, tensor1d(row, 'float32')), 'float32')",
    to: "sub(1, cast(lessEqual(z, tensor1d(row, 'float32')), 'float32'))",
  },
  {
    file: 'packages/core-tensor/src/unit-length.ts',
    fault: 'the gradient of large vectors is not scaled back',
    from: 'return mul(over(sum(mul(mul(x, scale), unit), axis, true)), scale);',
    to: 'return over(sum(mul(mul(x, scale), unit), axis, true));',
  },
  {
    file: 'packages/core-tensor/src/kernels/bit-entropy.ts',
    fault: 'the gradient of the average probabilities is left out in the reference',
    from: 'const dAvg = add(mul(centred, dEntropy), dAverage);',
    to: 'const dAvg = add(mul(centred, dEntropy), zerosLike(dAverage));',
  },
  {
    file: 'packages/core-tensor/src/kernels/sign-quantize.ts',
    fault: 'bits from the 17th on are decoded wrong in the reference',
    from: 'lowestBits(slice(halves, [0, 1], [-1, 1]), dim - 16)',
    to: 'lowestBits(slice(halves, [0, 0], [-1, 1]), dim - 16)',
  },
  {
    file: 'packages/core-tensor/src/kernels/rotate-to.ts',
    fault: 'the gradient of the rotation ignores maxScale in the reference',
    from: 'minimum(ratio, maxScale)',
    to: 'minimum(ratio, maxScale * 1e9)',
    tests: ['packages/losses/test/rotate-to.test.ts'],
  },
  {
    file: 'packages/core-tensor/src/plain-search.ts',
    fault: 'among equal distances the last code wins in plain loops',
    from: 'if (distance < (least[t] as number)) {',
    to: 'if (distance <= (least[t] as number)) {',
  },
  {
    file: 'packages/core-tensor/src/layout.ts',
    fault: 'a mask of other numbers than 1 weighs by them',
    from: "const real = notEqual(cast(mask, 'float32'), scalar(0));",
    to: "const real = cast(mask, 'float32');",
  },
  {
    file: 'packages/core-tensor/src/plain-tensor.ts',
    fault: 'I64 ids wrap at 2^32',
    from: 'if (value !== (value | 0)) throw',
    to: 'if (value !== (value | 0) && Math.abs(value) < 2 ** 32) throw',
  },
];
