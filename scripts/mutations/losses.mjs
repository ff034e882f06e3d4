/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/losses/src/tokens.ts',
    fault: 'the mean over tokens divides by all, not by those that count',
    from: 'divNoNan(weights, sum(weights))',
    to: 'divNoNan(weights, n)',
  },
  {
    file: 'packages/losses/src/tokens.ts',
    fault: 'what a token of weight 0 holds reaches the loss',
    from: 'return weights === undefined ? rows : (select(greater(expandDims(weights, 1), 0), rows, zerosLike(rows)) as Tensor2D);',
    to: 'return weights === undefined ? rows : (select(greater(expandDims(weights, 1), -1), rows, zerosLike(rows)) as Tensor2D);',
  },
  {
    file: 'packages/losses/src/commitment.ts',
    fault: 'the commitment pulls the codes as well',
    from: 'sub(z, stopGradient(q))',
    to: 'sub(z, q)',
  },
  {
    file: 'packages/losses/src/codebook.ts',
    fault: 'the codebook loss pulls the inputs as well',
    from: 'sub(stopGradient(z), q)',
    to: 'sub(z, q)',
  },
  {
    file: 'packages/losses/src/lfq-entropy.ts',
    fault: 'the mean over codebooks is the sum',
    from: '        values.length,\n      );',
    to: '        1,\n      );',
  },
  {
    file: 'packages/losses/src/lfq-entropy.ts',
    fault: 'the entropy of a second codebook reads the bits of the first',
    from: 'slice(rows, [0, book * bits], [n, bits])',
    to: 'slice(rows, [0, 0], [n, bits])',
  },
  {
    file: 'packages/losses/src/lfq-entropy.ts',
    fault: 'sampleWeights weigh the codebook entropy too',
    from: 'return { rows, batchShares, sampleShares: ofSample',
    to: 'return { rows, batchShares: ofSample === undefined ? batchShares : shares(ofSample, rows.shape[0]), sampleShares: ofSample',
  },
  {
    file: 'packages/losses/src/clamped-lfq-entropy.ts',
    fault: 'entropyEps is ignored',
    from: 'scalar(entropyEps)',
    to: 'scalar(1e-5)',
  },
  {
    file: 'packages/losses/src/orthogonality.ts',
    fault: 'with more codes than features the loss is that of features',
    from: 'const withItself = sum(square(sum(square(unit), 2)));',
    to: 'const withItself = sum(square(sum(square(unit), n > features ? 1 : 2)));',
  },
  {
    file: 'packages/losses/src/unit-norm.ts',
    fault: 'the norm is pulled to 1 whatever the scale is',
    from: 'mul(rows, 1 / scale)',
    to: 'mul(rows, 1)',
  },
  {
    file: 'packages/losses/src/rotate-to.ts',
    fault: 'a result for no tokens is the input itself',
    from: 'if (x.size === 0) return x.clone();',
    to: 'if (x.size === 0) return x;',
  },
];
