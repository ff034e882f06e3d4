import {
  memory,
  mul,
  pad,
  randomNormal,
  type Scalar,
  sum,
  type Tensor,
  type Tensor4D,
  tensor,
  tidy,
  valueAndGrads,
  variableGrads,
} from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectClose, goldenModules, goldenTensor, type ModuleGolden, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import {
  type Activation,
  type ConvolutionOptions,
  createActivation,
  createAttention,
  createConv1d,
  createConv2d,
  createConvTranspose1d,
  createConvTranspose2d,
  createGroupNorm,
  createLayerNorm,
  createLinearLayer,
  createResidualBlock,
  createResidualUnit,
  createResnetBlock,
  createScope,
  createSequential,
  createSnake,
  type Module,
  type Scope,
} from '../src/index.ts';

type Options<Create extends (scope: Scope, options: never) => Module> = Parameters<Create>[1];

const makers: Readonly<Record<string, (scope: Scope, options: unknown) => Module>> = {
  conv1d: (scope, options) => createConv1d(scope, options as ConvolutionOptions),
  conv2d: (scope, options) => createConv2d(scope, options as Options<typeof createConv2d>),
  convTranspose1d: (scope, options) => createConvTranspose1d(scope, options as ConvolutionOptions),
  convTranspose2d: (scope, options) => createConvTranspose2d(scope, options as ConvolutionOptions),
  linear: (scope, options) => createLinearLayer(scope, options as Options<typeof createLinearLayer>),
  groupNorm: (scope, options) => createGroupNorm(scope, options as Options<typeof createGroupNorm>),
  layerNorm: (scope, options) => createLayerNorm(scope, options as Options<typeof createLayerNorm>),
  activation: (scope, options) => createActivation(scope, (options as { activation: Activation }).activation),
  snake: (scope, options) => createSnake(scope, options as { channels: number }),
  attention: (scope, options) => createAttention(scope, options as Options<typeof createAttention>),
  residual(scope, options) {
    const { channels: inputs, outputs = inputs } = options as { channels: number; outputs?: number };
    const branch = createConv2d(scope.at('branch'), { inputs, outputs, kernel: 3 });
    const shortcut =
      outputs === inputs ? undefined : createConv2d(scope.at('shortcut'), { inputs, outputs, kernel: 1 });
    return createResidualBlock(scope, branch, shortcut);
  },
  resnetBlock: (scope, options) => createResnetBlock(scope, options as Options<typeof createResnetBlock>),
  residualUnit: (scope, options) => createResidualUnit(scope, options as Options<typeof createResidualUnit>),
  sequential(scope, options) {
    const [inputs, hidden, outputs] = (options as { widths: [number, number, number] }).widths;
    return createSequential(scope, [
      (at) => createLinearLayer(at, { inputs, outputs: hidden }),
      (at) => createActivation(at, 'gelu'),
      (at) => createLinearLayer(at, { inputs: hidden, outputs }),
    ]);
  },
};

function make({ module, options }: ModuleGolden): Module {
  return (makers[module] as (typeof makers)[string])(createScope(createRng(1)), options);
}

/** Of the scale of the input: what a value near 1,000 is rounded by, which no arithmetic gets back. */
function roundingOf({ x }: ModuleGolden): number {
  return Math.max(1, ...x.data.map(Math.abs)) * tolerances.rounding;
}

const goldens = goldenModules();

eachEngine(() => {
  describe.each(
    goldens.map(
      (golden, i) =>
        [`${i}: ${golden.module} ${JSON.stringify(golden.options)} of [${golden.x.shape}]`, golden] as const,
    ),
  )('%s', (_, golden) => {
    it('has the value and the gradients of torch', async () => {
      const module = make(golden);
      const state = Object.fromEntries(Object.entries(golden.state).map(([name, t]) => [name, goldenTensor(t)]));
      module.loadStateDict(state);
      const x = goldenTensor(golden.x);
      const y = module.apply(x);
      expect(y.shape).toEqual(golden.y.shape);
      const noise = 8 * roundingOf(golden);
      await expectClose(y, golden.y.data, tolerances.float32, noise);

      const dy = tensor(
        Float32Array.from({ length: y.size }, (_, i) => (((7 * i) % 11) - 5) / 8),
        y.shape,
      );
      const loss = (input: Tensor): Scalar => sum(mul(module.apply(input), dy));
      const { grads } = valueAndGrads(loss)([x]);
      await expectClose(grads[0] as Tensor, golden.grad_x.data, tolerances.float32, noise);

      const variables = module.variables();
      if (Object.keys(variables).length === 0) return;
      const { grads: slopes } = variableGrads(() => loss(x), Object.values(variables));
      const found = Object.fromEntries(Object.entries(variables).map(([name, v]) => [name, slopes[v.name] as Tensor]));
      // Loaded like weights they lie as the variables do.
      const expected = Object.entries(golden.grad_parameters).map(([name, t]) => [name, goldenTensor(t)] as const);
      module.loadStateDict(Object.fromEntries(expected));
      for (const [name, variable] of Object.entries(variables)) {
        await expectClose(found[name] as Tensor, await variable.data(), tolerances.float32, noise);
      }
    });
  });

  it('a filter with sides of its own is a square one with zeros around it', async () => {
    const x = randomNormal([2, 7, 12, 3], 0, 1, 'float32', 4);
    const own = { inputs: 3, outputs: 2, stride: [1, 2], dilation: [2, 1] } as const;
    const wide = createConv2d(createScope(createRng(1)), {
      ...own,
      kernel: [3, 5],
      padding: [
        [2, 1],
        [2, 2],
      ],
    });
    const square = createConv2d(createScope(createRng(1)), {
      ...own,
      kernel: 5,
      padding: [
        [4, 3],
        [2, 2],
      ],
    });
    const { weight, bias } = wide.stateDict() as { weight: Tensor4D; bias: Tensor };
    square.loadStateDict({
      weight: pad(weight, [
        [0, 0],
        [0, 0],
        [1, 1],
        [0, 0],
      ]),
      bias,
    });
    const y = wide.apply(x);
    expect(y.shape).toEqual([2, 6, 6, 2]);
    await expectClose(y, await square.apply(x).data(), tolerances.float32);
    const { outputShape, layers, receptiveField } = wide.describe(x.shape);
    expect([outputShape, layers[0]?.attributes.padding, receptiveField]).toEqual([y.shape, [2, 1, 2, 2], [5, 5]]);
  });

  it('every module leaks nothing, and gives back what it was given', async () => {
    for (const golden of goldens) {
      const before = memory().numTensors;
      const module = make(golden);
      tidy(() => {
        const state = Object.fromEntries(Object.entries(golden.state).map(([name, t]) => [name, goldenTensor(t)]));
        module.loadStateDict(state);
        const held = memory().numTensors;
        const y = module.apply(goldenTensor(golden.x));
        y.dispose();
        expect(memory().numTensors - held, golden.module).toBe(1);
      });
      const state = module.stateDict();
      expect(Object.keys(state).sort()).toEqual(Object.keys(golden.state).sort());
      for (const [name, value] of Object.entries(state)) {
        expect(value.shape).toEqual(golden.state[name]?.shape);
        await expectClose(value, Float32Array.from(golden.state[name]?.data ?? []), 0);
        value.dispose();
      }
      module.dispose();
      module.dispose();
      expect(memory().numTensors, golden.module).toBe(before);
    }
  });
});

describe('describe', () => {
  it.each(goldens.map((golden) => [`${golden.module} ${JSON.stringify(golden.options)}`, golden] as const))(
    '%s: shape and number of parameters',
    (_, golden) => {
      const { outputShape, parameters } = make(golden).describe(golden.x.shape);
      expect(outputShape).toEqual(golden.y.shape);
      expect(parameters).toBe(Object.values(golden.state).reduce((total, { data }) => total + data.length, 0));
    },
  );
});
