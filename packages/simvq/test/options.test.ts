import { memory, type Tensor2D, tensor2d, tidy, variable, zeros } from '@tensorflow/tfjs-core';
import { OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { type CodebookTransform, createSimVq, type SimVqOptions } from '../src/index.ts';

const small = { dim: 4, codebookSize: 8 };

function custom(parts: Partial<CodebookTransform>): CodebookTransform {
  return { apply: (codes) => codes, parameters: [], ...parts };
}

/** Options that break a rule, and the message. */
const BAD: [options: unknown, message: string][] = [
  [undefined, 'createSimVq: options must be an object, got undefined. '],
  [{ codebookSize: 8 }, 'createSimVq: dim must be an integer >= 1, got undefined. '],
  [{ ...small, dim: 0 }, 'createSimVq: dim must be an integer >= 1, got 0. Use 1 or more.'],
  [{ ...small, dim: 2.5 }, 'createSimVq: dim must be an integer >= 1, got 2.5. '],
  [{ dim: 4 }, 'createSimVq: codebookSize must be an integer from 1 to 16777216, got undefined. '],
  [
    { ...small, codebookSize: 0 },
    'createSimVq: codebookSize must be an integer from 1 to 16777216, got 0. Use 1 or more.',
  ],
  [
    { ...small, codebookSize: 2 ** 24 + 1 },
    'createSimVq: codebookSize must be an integer from 1 to 16777216, got 16777217. ',
  ],
  [{ ...small, frozenCodebookDim: 0 }, 'createSimVq: frozenCodebookDim must be an integer >= 1, got 0. Use 1 or more.'],
  [
    { ...small, codebookTransform: 'mlp' },
    `createSimVq: codebookTransform must be 'linear', { hidden, activation, bias } or an object with apply and parameters, got "mlp". `,
  ],
  [
    { ...small, codebookTransform: 'custom' },
    `got "custom". Pass for example 'linear'; a configuration with 'custom' needs the transform itself again.`,
  ],
  [{ ...small, codebookTransform: null }, 'createSimVq: codebookTransform must be '],
  [
    { ...small, codebookTransform: {} },
    'createSimVq: codebookTransform.hidden must be a list of widths, got undefined. Pass for example [128]',
  ],
  [
    { ...small, codebookTransform: { hidden: 8 } },
    'createSimVq: codebookTransform.hidden must be a list of widths, got 8. ',
  ],
  [
    { ...small, codebookTransform: { hidden: [8, 0] } },
    'createSimVq: codebookTransform.hidden[1] must be an integer >= 1, got 0. Use 1 or more.',
  ],
  [
    { ...small, codebookTransform: { hidden: [8], activation: 'sine' } },
    "createSimVq: codebookTransform.activation must be one of 'relu', 'gelu', 'silu', 'tanh', got \"sine\". ",
  ],
  [
    { ...small, codebookTransform: { hidden: [8], bias: 1 } },
    'createSimVq: codebookTransform.bias must be true or false, got 1. ',
  ],
  [
    { ...small, codebookTransform: { hidden: [8], width: 1 } },
    "createSimVq: codebookTransform: options must have no 'width', got 1. ",
  ],
  [
    { ...small, codebookTransform: { apply: 1, parameters: [] } },
    'createSimVq: codebookTransform must be an object with the function apply and the list parameters, got ',
  ],
  [
    { ...small, codebookTransform: { apply: (x: Tensor2D) => x } },
    'createSimVq: codebookTransform must be an object with the function apply and the list parameters, got ',
  ],
  [{ ...small, transformBias: 'yes' }, 'createSimVq: transformBias must be true or false, got "yes". '],
  [
    { ...small, codebookTransform: { hidden: [8] }, transformBias: true },
    "createSimVq: transformBias must be false unless codebookTransform is 'linear', got true. Set bias in the transform itself.",
  ],
  [
    { ...small, codebookInit: 'zeros' },
    "createSimVq: codebookInit must be one of 'normal', 'uniform', got \"zeros\". ",
  ],
  [{ ...small, trainCodebook: 0 }, 'createSimVq: trainCodebook must be true or false, got 0. '],
  [{ ...small, exact: 'yes' }, 'createSimVq: exact must be true or false, got "yes". '],
  [
    { ...small, dataFormat: 'NCHW' },
    "createSimVq: dataFormat must be one of 'channelsLast', 'channelsFirst', got \"NCHW\". ",
  ],
  [{ ...small, rotationTrick: null }, 'createSimVq: rotationTrick must be true or false, got null. '],
  [{ ...small, rotationMaxScale: 0 }, 'createSimVq: rotationMaxScale must be a finite number > 0, got 0. '],
  [
    { ...small, inputToQuantizeCommitLossWeight: -0.25 },
    'createSimVq: inputToQuantizeCommitLossWeight must be a finite number >= 0, got -0.25. ',
  ],
  [{ ...small, commitmentWeight: Number.NaN }, 'createSimVq: commitmentWeight must be a finite number >= 0, got NaN. '],
  [{ ...small, seed: -1 }, 'createSimVq: seed must be an integer from 0 to 4294967295, got -1. '],
  [
    { ...small, channelFirst: true },
    "createSimVq: options must have no 'channelFirst', got true. Known options: codebookInit, codebookSize, ",
  ],
];

eachEngine(() => {
  describe('the options of createSimVq', () => {
    for (const [options, message] of BAD) {
      it(`rejects: ${message}`, () => {
        const before = memory().numTensors;
        expect(() => createSimVq(options as SimVqOptions)).toThrow(OptionError);
        expect(() => createSimVq(options as SimVqOptions)).toThrow(message);
        expect(memory().numTensors).toBe(before);
      });
    }

    it('rejects a transform of one’s own with the wrong width or with a name twice', () => {
      const before = memory().numTensors;
      const wrong = custom({ apply: () => zeros([2, 3]) });
      expect(() => createSimVq({ ...small, codebookTransform: wrong })).toThrow(ShapeError);
      expect(() => createSimVq({ ...small, codebookTransform: wrong })).toThrow(
        'createSimVq: codebookTransform.apply must map [M, 4] to [M, 4], got [2,3] for M = 2. Its input width is frozenCodebookDim, its output width dim.',
      );
      const w = tidy(() => variable(tensor2d([[1]])));
      const twice = custom({
        parameters: ['w', 'w'].map((name) => ({ name, variable: w, trainable: true })),
      });
      expect(() => createSimVq({ ...small, codebookTransform: twice })).toThrow(
        'createSimVq: codebookTransform.parameters must have different names, got "w" twice. Rename one.',
      );
      w.dispose();
      expect(memory().numTensors).toBe(before);
    });

    it('are completed to the configuration', () => {
      const simvq = createSimVq({ dim: 6, codebookSize: 9, codebookTransform: { hidden: [7] } });
      expect(simvq.config).toEqual({
        dim: 6,
        codebookSize: 9,
        frozenCodebookDim: 6,
        codebookTransform: { hidden: [7], activation: 'relu', bias: true },
        transformBias: false,
        codebookInit: 'normal',
        trainCodebook: false,
        exact: false,
        dataFormat: 'channelsLast',
        rotationTrick: true,
        rotationMaxScale: 100,
        inputToQuantizeCommitLossWeight: 0.25,
        commitmentWeight: 1,
        seed: 0,
      });
      simvq.dispose();
    });
  });
});
