/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/fsq/src/levels.ts',
    fault: "the bound 'official' shifts by atanh",
    from: "bound === 'official' ? Math.tan(offset / half) : inverse(offset / half)",
    to: 'inverse(offset / half)',
  },
  {
    file: 'packages/fsq/src/levels.ts',
    fault: "the bound 's3Tokenizer' has no epsilon",
    from: "if (bound === 's3Tokenizer') return Math.fround(1 - EPSILON);",
    to: "if (bound === 's3Tokenizer') return 1;",
  },
  {
    file: 'packages/fsq/src/levels.ts',
    fault: 'thresholds of odd counts are shifted like those of even ones',
    from: 'const offset = count % 2 === 0 ? 0.5 : 0;',
    to: 'const offset = 0.5;',
  },
  {
    file: 'packages/fsq/src/levels.ts',
    fault: 'the basis of the indices has the first feature as the most significant digit',
    from: '    const own = weight;\n    weight *= count;\n    return own;\n  });',
    to: '    const own = weight;\n    weight *= count;\n    return own;\n  }).reverse();',
  },
  {
    file: 'packages/fsq/src/levels.ts',
    fault: 'the slope of symmetric levels is halved',
    from: '        slope: 1,',
    to: '        slope: 0.5,',
  },
  {
    file: 'packages/fsq/src/fsq.ts',
    fault: 'noise is added outside of training',
    from: 'training && preserveSymmetry && noiseDropout > 0',
    to: 'preserveSymmetry && noiseDropout > 0',
  },
  {
    file: 'packages/fsq/src/fsq.ts',
    fault: 'noise is a whole level step',
    from: 'rng.uniformArray(n * codeDim, -0.5, 0.5)',
    to: 'rng.uniformArray(n * codeDim, -1, 1)',
  },
  {
    file: 'packages/fsq/src/fsq.ts',
    fault: 'projectionHasBias is ignored by the projection out',
    from: "name: 'project_out', inputDim: innerDim, outputDim: dim, bias: config.projectionHasBias,",
    to: "name: 'project_out', inputDim: innerDim, outputDim: dim, bias: true,",
  },
  {
    file: 'packages/fsq/src/fsq.ts',
    fault: 'encode does not rotate',
    from: 'encodeTokens: (tokens) => perToken(fsqEncode({ z: toRows(tokens) }, attrs)[0]),',
    to: 'encodeTokens: (tokens) => perToken(fsqEncode({ z: asRows(projectIn?.apply(tokens) ?? tokens, codeDim) }, attrs)[0]),',
  },
  {
    file: 'packages/fsq/src/codec.ts',
    fault: 'on a threshold the codec takes the lower level',
    from: 'Number(z >= (tables[at + step] as number))',
    to: 'Number(z > (tables[at + step] as number))',
  },
  {
    file: 'packages/fsq/src/codec.ts',
    fault: 'the codec decodes the second codebook with the digits of the first',
    from: 'let rest = indices[row] as number;',
    to: 'let rest = indices[row - (row % numCodebooks)] as number;',
  },
];
