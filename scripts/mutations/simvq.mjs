const SIMVQ = ['packages/simvq/test'];

/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/simvq/src/simvq.ts',
    fault: 'with more tokens than codes the codes have no gradient',
    from: 'return gatherCodes(straightThrough(transform.apply(vectors), codebook.get()), indices);',
    to: 'return gatherCodes(codebook.get(), indices);',
  },
  {
    file: 'packages/simvq/src/simvq.ts',
    fault: 'rotationMaxScale is ignored',
    from: 'rotateTo(output, codes, { maxScale: config.rotationMaxScale })',
    to: 'rotateTo(output, codes)',
  },
  {
    file: 'packages/simvq/src/search.ts',
    fault: 'kept keys do not follow a frozen codebook that trains',
    from: 'const keys = derived([frozen], ',
    to: 'const keys = derived([], ',
  },
  {
    file: 'packages/simvq/src/transform.ts',
    fault: "the MLP's silu is a sigmoid",
    from: 'silu: (x) => mul(x, sigmoid(x)),',
    to: 'silu: (x) => sigmoid(x),',
    tests: SIMVQ,
  },
  {
    file: 'packages/simvq/src/search.ts',
    fault: 'scores in the frozen space are taken for exact',
    from: 'linearSlack<Tensor>(add, mul, norms, width, dim, 2 ** -24)',
    to: 'linearSlack<Tensor>(add, mul, norms, width, dim, 2 ** -24).map((part) => mul(part, 0))',
  },
  {
    file: 'packages/simvq/src/codec.ts',
    fault: 'the codec reads its weight in the other order',
    from: 'const row = j * v.length;',
    to: 'const row = (bias.length - 1 - j) * v.length;',
  },
  {
    file: 'packages/simvq/src/codec.ts',
    fault: 'the codec compares in the frozen space with a bias of the wrong scale',
    from: '(biases[k] as number) - (value * value) / 2',
    to: '(biases[k] as number) - value * value',
  },
  {
    file: 'packages/simvq/src/simvq.ts',
    fault: 'the codebook loss pulls the inputs, not the codes',
    from: 'codebook: codebookLoss(x, trained, { weights }),',
    to: 'codebook: codebookLoss(x, codes, { weights }),',
  },
  {
    file: 'packages/simvq/src/simvq.ts',
    fault: 'inputToQuantizeCommitLossWeight is ignored',
    from: 'mul(losses.commitment, config.inputToQuantizeCommitLossWeight)',
    to: 'mul(losses.commitment, 1)',
  },
  {
    file: 'packages/simvq/src/simvq.ts',
    fault: 'the search is not freed',
    from: '      search.dispose();\n',
    to: '',
  },
  {
    file: 'packages/simvq/src/search.ts',
    fault: 'the centre of the frozen space leaves out the bias',
    from: 'return bias === undefined ? moved : add(moved, bias);',
    to: 'return moved;',
    note: 'equal: any centre is right, and what it costs is digits, which the slack counts',
  },
  {
    file: 'packages/simvq/src/transform.ts',
    fault: 'an MLP has an activation behind its last layer in place of the first',
    from: 'layers.reduce((h, layer, i) => layer.apply(i === 0 ? h : activate(h)), codes)',
    to: 'layers.reduce((h, layer, i) => (i === 0 ? layer.apply(h) : activate(layer.apply(h))), codes)',
  },
];
