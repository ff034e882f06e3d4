/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/lfq/src/lfq.ts',
    fault: 'encode ignores bitOrder, quantize does not',
    from: 'perToken(ordered(signEncode({ x: toRows(tokens) }, {})[0]))',
    to: 'perToken(signEncode({ x: toRows(tokens) }, {})[0])',
  },
  {
    file: 'packages/lfq/src/loss.ts',
    fault: 'where codebooks are pooled the random share is ignored',
    from: 'sampleWeights: perBook(sampleWeights),',
    to: 'sampleWeights: share < 1 ? undefined : perBook(sampleWeights),',
  },
  {
    file: 'packages/lfq/src/loss.ts',
    fault: 'a random share of masked tokens has one too few',
    from: 'lessEqual(cumsum(shuffled), most)',
    to: 'lessEqual(cumsum(shuffled), maximum(mul(most, 0.999), scalar(1)))',
  },
  {
    file: 'packages/lfq/src/lfq.ts',
    fault: 'the sphericalGradient of the paper is √d times too large',
    from: 'mul(activated, 1 / Math.sqrt(bits))',
    to: 'mul(activated, 1)',
  },
  {
    file: 'packages/lfq/src/loss.ts',
    fault: 'the softplus entropy loss leaves out its offset',
    from: 'softplus(add(term, config.entropyLossOffset))',
    to: 'softplus(term)',
  },
  {
    file: 'packages/lfq/src/lfq.ts',
    fault: 'the columns of the cosine projection are not at unit length',
    from: 'unitLength(weight as unknown as Tensor2D, 0)',
    to: 'weight as unknown as Tensor2D',
  },
  {
    file: 'packages/lfq/src/codec.ts',
    fault: 'the codec without kernels takes 0 for above 0',
    from: 'Number((input[k] as number) > floor)',
    to: 'Number((input[k] as number) >= floor)',
  },
  {
    file: 'packages/lfq/src/loss.ts',
    fault: 'the commitment counts padding',
    from: 'commitmentLoss(perToken(rows.x), perToken(rows.codes), { weights })',
    to: 'commitmentLoss(perToken(rows.x), perToken(rows.codes), {})',
  },
  {
    file: 'packages/lfq/src/lfq.ts',
    fault: 'spherical codes are as long per feature as others',
    from: 'const scale = spherical ? codebookScale / Math.sqrt(bits) : codebookScale;',
    to: 'const scale = codebookScale;',
  },
  {
    file: 'packages/lfq/src/lfq.ts',
    fault: 'codes are not rotated back with orthogonalRotation',
    from: 'rotation === undefined ? codes : matMul(codes, transpose(rotation as unknown as Tensor2D))',
    to: 'rotation === undefined ? codes : matMul(codes, rotation as unknown as Tensor2D)',
  },
  {
    file: 'packages/lfq/src/lfq.ts',
    fault: 'the gradient of straightThroughActivation is left out',
    from: 'const activated = activations[config.straightThroughActivation](x);',
    to: 'const activated = x;',
  },
  {
    file: 'packages/lfq/src/loss.ts',
    fault: 'the log-odds are half of what they are',
    from: 'mul(rows.x, 4 * invTemperature * rows.scale)',
    to: 'mul(rows.x, 2 * invTemperature * rows.scale)',
  },
];
