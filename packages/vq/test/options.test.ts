import { memory, zeros } from '@tensorflow/tfjs-core';
import { OptionError } from '@vqkit/core-tensor';
import { startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { createVq, type VqOptions } from '../src/index.ts';

const small = { dim: 4, codebookSize: 8 };

/** Options that break a rule, and the message. */
const BAD: [options: unknown, message: string][] = [
  [undefined, 'createVq: options must be an object, got undefined. '],
  [{ codebookSize: 8 }, 'createVq: dim must be an integer >= 1, got undefined. '],
  [{ ...small, dim: 0 }, 'createVq: dim must be an integer >= 1, got 0. Use 1 or more.'],
  [{ dim: 4 }, 'createVq: codebookSize must be an integer from 1 to 16777216, got undefined. '],
  [{ ...small, codebookSize: 0 }, 'createVq: codebookSize must be an integer from 1 to 16777216, got 0. '],
  [{ ...small, codebookSize: 2 ** 24 + 1 }, 'createVq: codebookSize must be an integer from 1 to 16777216, got '],
  [{ ...small, codebookDim: 1.5 }, 'createVq: codebookDim must be an integer >= 1, got 1.5. '],
  [{ ...small, heads: 0 }, 'createVq: heads must be an integer >= 1, got 0. Use 1 or more.'],
  [{ ...small, separateCodebookPerHead: 1 }, 'createVq: separateCodebookPerHead must be true or false, got 1. '],
  [{ ...small, useCosineSim: 'yes' }, 'createVq: useCosineSim must be true or false, got "yes". '],
  [{ ...small, dataFormat: 'NCHW' }, "createVq: dataFormat must be one of 'channelsLast', 'channelsFirst', got "],
  [{ ...small, learnableCodebook: null }, 'createVq: learnableCodebook must be true or false, got null. '],
  [{ ...small, freezeCodebook: 0 }, 'createVq: freezeCodebook must be true or false, got 0. '],
  [{ ...small, decay: 1.1 }, 'createVq: decay must be a number from 0 to 1, got 1.1. '],
  [{ ...small, decay: Number.NaN }, 'createVq: decay must be a number from 0 to 1, got NaN. '],
  [{ ...small, eps: -1 }, 'createVq: eps must be a finite number >= 0, got -1. '],
  [{ ...small, kmeansInit: 10 }, 'createVq: kmeansInit must be true or false, got 10. '],
  [{ ...small, kmeansSeeding: 'random' }, 'createVq: kmeansSeeding must be '],
  [{ ...small, kmeansIters: 0 }, 'createVq: kmeansIters must be an integer >= 1, got 0. Use 1 or more.'],
  [{ ...small, kmeansTokensPerCode: 0 }, 'createVq: kmeansTokensPerCode must be a finite number > 0, got 0. '],
  [{ ...small, exact: 'yes' }, 'createVq: exact must be true or false, got "yes". '],
  [{ ...small, thresholdEmaDeadCode: -1 }, 'createVq: thresholdEmaDeadCode must be a finite number >= 0, got -1. '],
  [{ ...small, resetClusterSize: 0 }, 'createVq: resetClusterSize must be a finite number > 0, got 0. '],
  [
    { ...small, thresholdEmaDeadCode: 2, resetClusterSize: 1 },
    'createVq: resetClusterSize must be at least thresholdEmaDeadCode, 2, got 1. Leave it out: a smaller one would be dead again at once.',
  ],
  [{ ...small, rotationTrick: 'on' }, 'createVq: rotationTrick must be true or false, got "on". '],
  [{ ...small, rotationMaxScale: -1 }, 'createVq: rotationMaxScale must be a finite number > 0, got -1. '],
  [
    { ...small, stochasticSampleCodes: true, rotationTrick: true },
    'createVq: rotationTrick must be false with stochasticSampleCodes, got true. A drawn code may lie anywhere from its token, and rotating the gradient by such an angle, scaled by |q| / |x|, makes training diverge. Leave rotationTrick out for straight-through.',
  ],
  [{ ...small, stochasticSampleCodes: 1 }, 'createVq: stochasticSampleCodes must be true or false, got 1. '],
  [{ ...small, sampleCodebookTemp: 0 }, 'createVq: sampleCodebookTemp must be a finite number > 0, got 0. '],
  [
    { ...small, sampleCodebookTemp: { from: 1, to: 0, steps: 10 } },
    'createVq: sampleCodebookTemp.to must be a finite number > 0, got 0. ',
  ],
  [{ ...small, commitmentWeight: -1 }, 'createVq: commitmentWeight must be a finite number >= 0, got -1. '],
  [
    { ...small, commitmentUseCrossEntropyLoss: 'ce' },
    'createVq: commitmentUseCrossEntropyLoss must be true or false, ',
  ],
  [{ ...small, codebookWeight: Number.POSITIVE_INFINITY }, 'createVq: codebookWeight must be a finite number >= 0, '],
  [{ ...small, orthogonalRegWeight: -10 }, 'createVq: orthogonalRegWeight must be a finite number >= 0, got -10. '],
  [
    { ...small, orthogonalRegActiveCodesOnly: 2 },
    'createVq: orthogonalRegActiveCodesOnly must be true or false, got 2. ',
  ],
  [{ ...small, orthogonalRegMaxCodes: 0 }, 'createVq: orthogonalRegMaxCodes must be an integer >= 1, got 0. '],
  [{ ...small, seed: -1 }, 'createVq: seed must be an integer from 0 to 4294967295, got -1. '],
  [
    { ...small, emaUpdate: false },
    "createVq: options must have no 'emaUpdate', got false. Known options: codebookDim, codebookSize, ",
  ],
];

describe('the options of createVq', () => {
  beforeAll(() => startEngine('cpu'));

  for (const [options, message] of BAD) {
    it(`rejects: ${message}`, () => {
      const before = memory().numTensors;
      expect(() => createVq(options as VqOptions)).toThrow(OptionError);
      expect(() => createVq(options as VqOptions)).toThrow(message);
      expect(memory().numTensors).toBe(before);
    });
  }

  it('of a call are checked, and change nothing when they are wrong', () => {
    const vq = createVq({ ...small, stochasticSampleCodes: true });
    const z = zeros([2, 4]);
    const before = memory().numTensors;
    const call = (options: object): unknown => vq.quantize(z, options);
    expect(() => call({ freezeCodebook: 1 })).toThrow(
      'createVq().quantize: freezeCodebook must be true or false, got 1. Pass a boolean.',
    );
    expect(() => call({ sampleCodebookTemp: -1 })).toThrow(
      'createVq().quantize: sampleCodebookTemp must be a finite number >= 0, got -1. Use 0 to switch it off.',
    );
    expect(() => call({ temperature: 1 })).toThrow("createVq().quantize: options must have no 'temperature', got 1.");
    expect(memory().numTensors).toBe(before);
    vq.dispose();
    z.dispose();
  });

  it('are completed to the configuration, with the defaults of the reference library', () => {
    const configOf = (options: VqOptions): unknown => {
      const vq = createVq(options);
      vq.dispose();
      return vq.config;
    };
    expect(configOf(small)).toEqual({
      dim: 4,
      codebookSize: 8,
      codebookDim: 4,
      heads: 1,
      separateCodebookPerHead: false,
      useCosineSim: false,
      metric: 'euclidean',
      exact: false,
      dataFormat: 'channelsLast',
      learnableCodebook: false,
      freezeCodebook: false,
      decay: 0.8,
      eps: 0,
      kmeansInit: false,
      kmeansSeeding: 'kmeans++',
      kmeansIters: 10,
      kmeansTokensPerCode: 1,
      thresholdEmaDeadCode: 0,
      resetClusterSize: 1,
      rotationTrick: true,
      rotationMaxScale: 100,
      commitmentWeight: 1,
      commitmentUseCrossEntropyLoss: false,
      codebookWeight: 1,
      orthogonalRegWeight: 0,
      orthogonalRegActiveCodesOnly: false,
      orthogonalRegMaxCodes: null,
      stochasticSampleCodes: false,
      sampleCodebookTemp: 1,
      seed: 0,
    });
    expect(configOf({ ...small, thresholdEmaDeadCode: 3 })).toMatchObject({ resetClusterSize: 3 });
    expect(configOf({ dim: 1, codebookSize: 8 })).toMatchObject({ rotationTrick: false });
    expect(configOf({ ...small, stochasticSampleCodes: true })).toMatchObject({ rotationTrick: false });
  });

  it('give the same codes again from the same seed', async () => {
    const codesOf = async (seed: number): Promise<ArrayLike<number>> => {
      const vq = createVq({ ...small, seed });
      const state = vq.stateDict();
      const data = await (state['_codebook.embed'] ?? zeros([0])).data();
      for (const value of Object.values(state)) value.dispose();
      vq.dispose();
      return data;
    };
    expect(await codesOf(1)).toEqual(await codesOf(1));
    expect(await codesOf(1)).not.toEqual(await codesOf(2));
    for (const value of Array.from(await codesOf(1))) expect(Math.abs(value)).toBeLessThanOrEqual(Math.sqrt(6 / 32));
  });
});
