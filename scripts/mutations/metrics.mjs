/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/metrics/src/tracker.ts',
    fault: 'an update that leaves the window is not taken back',
    from: 'entries.length > window ? entries.shift() : undefined;',
    to: 'entries.length > window + 1 ? entries.shift() : undefined;',
  },
  {
    file: 'packages/metrics/src/tracker.ts',
    fault: 'the second codebook counts the indices of the first',
    from: 'for (let i = c; i < indices.length; i += numCodebooks) {',
    to: 'for (let i = 0; i < indices.length; i += numCodebooks) {',
  },
  {
    file: 'packages/metrics/src/tracker.ts',
    fault: 'restore forgets the spread of the first latents',
    from: '({ totalUpdates, dim, initialRms } = state);',
    to: '({ totalUpdates, dim } = state);',
  },
  {
    file: 'packages/metrics/src/usage.ts',
    fault: 'codes that are never used do not count in the Gini coefficient',
    from: 'const absent = codebookSize - ascending.length;',
    to: 'const absent = 0;',
  },
  {
    file: 'packages/metrics/src/usage.ts',
    fault: 'padding in both counts as compared in the flip rate',
    from: 'if (indicesA[i] === -1 && indicesB[i] === -1) continue;',
    to: 'if (indicesA[i] === -1 && indicesB[i] === -2) continue;',
  },
  {
    file: 'packages/metrics/src/usage.ts',
    fault: 'an index equal to the codebook size is taken',
    from: 'index >= -1 && index < codebookSize',
    to: 'index >= -1 && index <= codebookSize',
  },
  {
    file: 'packages/metrics/src/window.ts',
    fault: 'the attainable entropy forgets the entropy of a token',
    from: 'Math.log(tokens) + perSampleEntropy)',
    to: 'Math.log(tokens))',
  },
  {
    file: 'packages/metrics/src/latent-moments.ts',
    fault: 'merged moments lose what lies between the means',
    from: '(difference * difference * a.tokens * b.tokens) / tokens;',
    to: '0 * difference;',
  },
  {
    file: 'packages/metrics/src/codebook-rank.ts',
    fault: 'used codes are not centred',
    from: 'centred[i] = (codes[code * dim + i] as number) - (mean[i] as number);',
    to: 'centred[i] = codes[code * dim + i] as number;',
  },
  {
    file: 'packages/metrics/src/frechet-distance.ts',
    fault: 'the covariance is the biased one',
    from: '/ (n - 1);',
    to: '/ n;',
  },
  {
    file: 'packages/metrics/src/code-counts.ts',
    fault: 'a table that grows forgets when codes were last used',
    from: '      lastUses[slot] = oldUses[i] as number;\n',
    to: '',
  },
];
