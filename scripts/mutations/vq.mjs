/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/vq/src/codebook.ts',
    fault: 'heads that share a codebook count padding of all but the first',
    from: '(reshape(mul(expandDims(weights, 1), ones([1, heads])), [-1]) as Tensor1D)',
    to: '(reshape(concat([expandDims(weights, 1), ones([weights.size, heads - 1])], 1), [-1]) as Tensor1D)',
  },
  {
    file: 'packages/vq/src/codebook.ts',
    fault: 'of several books the second and further ones search the first',
    from: 'const part = books === 1 ? all : slice(all, [b, ...shape.map(() => 0)], [1, ...shape]);',
    to: 'const part = books === 1 ? all : slice(all, [b * 0, ...shape.map(() => 0)], [1, ...shape]);',
  },
  {
    file: 'packages/vq/src/ema.ts',
    fault: 'a revived code keeps its old sum',
    from: 'sums: selectRows(dead, mul(tokens, resetClusterSize) as Tensor2D, state.sums),',
    to: 'sums: state.sums,',
  },
  {
    file: 'packages/vq/src/kmeans.ts',
    fault: 'k-means places codes again at every step once it has enough tokens',
    from: 'const done = logicalOr(initted, enough) as Scalar;',
    to: 'const done = logicalAnd(initted, enough) as Scalar;',
  },
  {
    file: 'packages/vq/src/kmeans.ts',
    fault: 'a training state that is loaded is not gathered on',
    from: 'const all = batch.map((own, b) => joined(sample[b], own, Math.ceil(need) - 1 + own.x.shape[0]));',
    to: 'const all = batch.map((own) => joined(undefined, own, Math.ceil(need) - 1 + own.x.shape[0]));',
  },
  {
    file: 'packages/vq/src/loss.ts',
    fault: 'the orthogonality of active codes is not scaled to the pairs of these',
    from: 'return mul(orthogonalityLoss(mul(codes, expandDims(taken, 1))), share) as Scalar;',
    to: 'return mul(orthogonalityLoss(mul(codes, expandDims(taken, 1))), minimum(share, 1)) as Scalar;',
  },
  {
    file: 'packages/vq/src/scores.ts',
    fault: 'the gradient of the cross-entropy to codes has no term of the chosen one with cosine similarity',
    from: 'return expandDims(sub(all, own), 0);',
    to: 'return expandDims(useCosineSim ? all : sub(all, own), 0);',
  },
  {
    file: 'packages/vq/src/ema.ts',
    fault: 'tokens are drawn from padding too',
    from: 'const rowOfRank = unsortedSegmentSum(mul(range(0, n), weights), ranksOf(weights), n);',
    to: 'const rowOfRank = range(0, n);',
  },
  {
    file: 'packages/vq/src/codebook.ts',
    fault: 'averages do not follow codes that a gradient has moved',
    from: 'if (learnableCodebook || !byGradient) return state;',
    to: 'if (learnableCodebook || byGradient || !byGradient) return state;',
    tests: ['packages/vq/test/ema.test.ts'],
  },
  {
    file: 'packages/vq/src/ema.ts',
    fault: 'the codes of empty clusters drift to 0',
    from: 'const chosen = logicalAnd(greater(batch.sizes, 0), greater(sizes, 0)) as Tensor1D;',
    to: 'const chosen = logicalAnd(greater(sizes, 0), greater(sizes, 0)) as Tensor1D;',
  },
  {
    file: 'packages/vq/src/ema.ts',
    fault: 'Laplace smoothing forgets the total',
    from: 'return mul(div(add(sizes, eps), add(total, sizes.size * eps)), total) as Tensor1D;',
    to: 'return mul(div(add(sizes, eps), total), total) as Tensor1D;',
  },
  {
    file: 'packages/vq/src/codebook.ts',
    fault: 'loaded codes of cosine similarity stay as long as they were',
    from: 'return reshape(unitOr(codes, codes, LOADED_UNIT), loaded.shape);',
    to: 'return reshape(codes, loaded.shape);',
  },
  {
    file: 'packages/vq/src/loss.ts',
    fault: 'the cross-entropy commitment counts padding',
    from: 'const w: Tensor1D = rowWeights ?? ones(each.shape);',
    to: 'const w: Tensor1D = (rowWeights && undefined) ?? ones(each.shape);',
  },
  {
    file: 'packages/vq/src/scores.ts',
    fault: 'sampleCodebookTemp multiplies',
    from: 'useCosineSim), temperature);',
    to: 'useCosineSim), 1 / temperature);',
  },
];
