const STACK = ['packages/residual/test/stack.test.ts', 'packages/residual/test/residual.test.ts'];
const METHODS = [
  'packages/residual/test/residual-lfq.test.ts',
  'packages/residual/test/residual-fsq.test.ts',
  'packages/residual/test/residual-vq.test.ts',
  'packages/residual/test/residual-simvq.test.ts',
  'packages/residual/test/goldens.test.ts',
];
const ALL = ['packages/residual/test'];

/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/residual/src/stack.ts',
    fault: 'the last layer but one leaves its code in the residual',
    from: 'if (j + 1 < kept) residual = sub(residual, code);',
    to: 'if (j + 2 < kept) residual = sub(residual, code);',
    tests: [...STACK, 'packages/residual/test/goldens.test.ts'],
  },
  {
    file: 'packages/residual/src/stack.ts',
    fault: 'encode leaves out the scale of a layer on the way back',
    from: 'residual = sub(residual, scale.up(quantized as Tensor2D));',
    to: 'residual = sub(residual, quantized as Tensor2D);',
    tests: [...STACK, 'packages/residual/test/goldens.test.ts'],
  },
  {
    file: 'packages/residual/src/stack.ts',
    fault: "gradient: 'perLayer' gives none to the input outside of training",
    from: "let residual = training || gradient === 'perLayer' ? x : detach(x);",
    to: 'let residual = training ? x : detach(x);',
    tests: [...STACK, 'packages/residual/test/goldens.test.ts'],
  },
  {
    file: 'packages/residual/src/stack.ts',
    fault: 'the residual that layers see keeps the gradient of the codes before',
    from: 'const code = detach(quantized);',
    to: 'const code = quantized;',
    tests: [...STACK, 'packages/residual/test/goldens.test.ts'],
  },
  {
    file: 'packages/residual/src/decode-layers.ts',
    fault: 'decoding takes a dropped layer in the middle when quantizeDropout is on',
    from: 'quantizeDropout ? greater(after, before) : notEqual(after, before)',
    to: 'quantizeDropout ? greater(before, before) : notEqual(after, before)',
    tests: [...STACK, 'packages/residual/test/goldens.test.ts'],
  },
  {
    file: 'packages/residual/src/stack-options.ts',
    fault: 'quantize dropout rounds down to the multiple',
    from: 'Math.ceil((last + 1) / multiple) * multiple',
    to: 'Math.max(1, Math.floor((last + 1) / multiple)) * multiple',
    tests: [...STACK, 'packages/residual/test/goldens.test.ts'],
  },
  {
    file: 'packages/residual/src/fused.ts',
    fault: 'the fused LFQ stack ignores bitOrder when it decodes',
    from: 'residualSignDecode(ordered(indices), dim,',
    to: 'residualSignDecode(indices, dim,',
    tests: [...METHODS.slice(0, 1), ...STACK],
  },
  {
    file: 'packages/residual/src/fused.ts',
    fault: 'a fused FSQ threshold is one float too low',
    from: '  while (!reaches(r)) r = neighbour(r, 1);\n  return r;',
    to: '  while (!reaches(r)) r = neighbour(r, 1);\n  return neighbour(r, -1);',
    tests: [...METHODS.slice(1, 2), ...STACK],
  },
  {
    file: 'packages/residual/src/grouped.ts',
    fault: 'groups of a grouped quantizer do not get the mask',
    from: '...(training ? { training, mask: weights, step } : {}),',
    to: '...(training ? { training, step } : {}),',
    tests: ['packages/residual/test/grouped-residual.test.ts', ...STACK],
  },
  {
    file: 'packages/residual/src/members.ts',
    fault: 'members draw the same random numbers at every step',
    from: '      rng.uint32();\n',
    to: '',
    tests: [...STACK, 'packages/residual/test/goldens.test.ts'],
  },
  {
    file: 'packages/residual/src/residual-lfq.ts',
    fault: 'invTemperature of a call is not rescaled per layer',
    from: 'return { invTemperature: own * temperatureFactor(j) };',
    to: 'return { invTemperature: own };',
    tests: [...METHODS.slice(0, 1), ...STACK],
  },
  {
    file: 'packages/residual/src/state.ts',
    fault: 'a failed load leaves the members that came before changed',
    from: '        members[i]?.loadStateDict(state);\n',
    to: '',
    tests: ALL,
  },
];
