import { grad, memory, mul, type Tensor, type Tensor2D, tensor, zeros } from '@tensorflow/tfjs-core';
import { eachEngine, expectSame } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DataFormat,
  DtypeError,
  layoutOf,
  maskWeights,
  OptionError,
  type QuantizerError,
  requireTensor,
  ShapeError,
  tokenLayout,
} from '../src/index.ts';

/** Row-major index arithmetic, the independent way: value [n, c] of the tokens from the flat data of z. */
function tokenValues(data: ArrayLike<number>, shape: readonly number[], dataFormat: DataFormat): number[] {
  const axis = dataFormat === 'channelsLast' ? shape.length - 1 : 1;
  const dim = shape[axis] as number;
  const out: number[] = new Array(data.length);
  for (let flat = 0; flat < data.length; flat++) {
    let rest = flat;
    const position: number[] = new Array(shape.length);
    for (let a = shape.length - 1; a >= 0; a--) {
      position[a] = rest % (shape[a] as number);
      rest = Math.floor(rest / (shape[a] as number));
    }
    let token = 0;
    for (let a = 0; a < shape.length; a++)
      if (a !== axis) token = token * (shape[a] as number) + (position[a] as number);
    out[token * dim + (position[axis] as number)] = data[flat] as number;
  }
  return out;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

eachEngine(() => {
  describe('tokenLayout', () => {
    it('lists the tokens in the order of their shape and puts them back, for any rank and layout', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 }),
          fc.constantFrom<DataFormat>('channelsLast', 'channelsFirst'),
          async (shape, dataFormat) => {
            const size = shape.reduce((a, b) => a * b, 1);
            const axis = dataFormat === 'channelsLast' ? shape.length - 1 : 1;
            const z = tensor(range(size), shape, 'float32');
            const layout = tokenLayout('test', z, shape[axis] as number, dataFormat);
            expect(layout.tokenShape).toEqual(shape.filter((_, i) => i !== axis));
            const tokens = layout.toTokens(z);
            expect(tokens.shape).toEqual([size / (shape[axis] as number), shape[axis]]);
            await expectSame(tokens, tokenValues(range(size), shape, dataFormat));
            const back = layout.fromTokens(tokens);
            expect(back.shape).toEqual(shape);
            await expectSame(back, z);
          },
        ),
        { seed: 1, numRuns: 50 },
      ));

    it('carries the gradient both ways', async () => {
      const z = tensor(range(24), [2, 3, 4], 'float32');
      const weights = tensor(range(24), [8, 3], 'float32');
      const layout = tokenLayout('test', z, 3, 'channelsFirst');
      const dz = grad((x: Tensor) => mul(layout.toTokens(x), weights))(z);
      expect(dz.shape).toEqual(z.shape);
      await expectSame(dz, layout.fromTokens(weights as never));
    });

    it('leaves no intermediate behind', () => {
      const z = zeros([2, 3, 4]);
      const before = memory().numTensors;
      const layout = tokenLayout('test', z, 3, 'channelsFirst');
      const tokens = layout.toTokens(z);
      const back = layout.fromTokens(tokens);
      expect(memory().numTensors).toBe(before + 2);
      for (const t of [z, tokens, back]) t.dispose();
    });

    it('takes a tensor without tokens', () => {
      const z = zeros([0, 3, 4]);
      expect(tokenLayout('test', z, 3, 'channelsFirst').tokenShape).toEqual([0, 4]);
    });
  });

  it('layoutOf puts no tokens at all into either layout', () => {
    const none = zeros([0, 3]) as Tensor2D;
    expect(layoutOf([0, 2, 5], 3, 'channelsFirst').fromTokens(none).shape).toEqual([0, 3, 2, 5]);
    expect(layoutOf([2, 0], 3, 'channelsFirst').fromTokens(none).shape).toEqual([2, 3, 0]);
    expect(layoutOf([0, 2, 5], 3, 'channelsLast').fromTokens(none).shape).toEqual([0, 2, 5, 3]);
  });

  it('layoutOf of no axes is a single token', async () => {
    for (const dataFormat of ['channelsLast', 'channelsFirst'] as const) {
      const one = layoutOf([], 3, dataFormat).fromTokens(tensor([[1, 2, 3]]));
      expect(one.shape).toEqual([3]);
      await expectSame(one, [1, 2, 3]);
    }
  });

  describe('maskWeights', () => {
    it('is 1 for true and for every number but 0, on every engine', async () => {
      await expectSame(maskWeights('test', tensor([true, false], [2], 'bool'), [2]), [1, 0]);
      await expectSame(maskWeights('test', tensor([3, 0, -1, 256, 65536], [5], 'int32'), [5]), [1, 0, 1, 1, 1]);
      const floats = [0.5, 0, -0, 1e-30, -2, 256, Number.NaN, Number.POSITIVE_INFINITY];
      await expectSame(maskWeights('test', tensor(floats, [2, 4]), [2, 4]), [1, 0, 0, 1, 1, 1, 1, 1]);
    });

    it('is a constant: a mask computed from z carries no gradient', async () => {
      const z = tensor([[1, 2, 0]]);
      const dz = grad((x: Tensor) => mul(x, maskWeights('test', x, [1, 3])))(z);
      await expectSame(dz, [1, 1, 0]);
    });

    it('rejects another shape, another dtype, and what is no tensor', () => {
      const check = (mask: unknown) => () => maskWeights('quantize', mask as Tensor, [2, 3]);
      for (const shape of [[3, 2], [6], [2, 3, 1], [1, 3]]) {
        expect(check(zeros(shape, 'bool'))).toThrow(ShapeError);
        expect(check(zeros(shape, 'bool'))).toThrow(
          /^quantize: mask must have the shape of the tokens \[2,3\], got shape \[/,
        );
      }
      expect(check(tensor(['a'], [1], 'string'))).toThrow(DtypeError);
      expect(check([[1]])).toThrow(/^quantize: mask must be a tensor, got \[\[1\]\]\./);
    });
  });
});

describe('the errors of tokenLayout', () => {
  const check =
    (z: unknown, dim = 4, dataFormat: DataFormat = 'channelsLast') =>
    () =>
      tokenLayout('encode', z as Tensor, dim, dataFormat);

  it('say what is wrong with z and how to put it right', () => {
    const cases: [() => unknown, typeof QuantizerError, string][] = [
      [
        check(zeros([2, 4], 'int32')),
        DtypeError,
        "encode: z must be float32, got int32. Cast it with tf.cast(z, 'float32').",
      ],
      [
        check(zeros([4])),
        ShapeError,
        'encode: z must have rank >= 2, got shape [4]. Add a batch axis, for example tf.expandDims(z, 0).',
      ],
      [
        check(zeros([2, 4, 7])),
        ShapeError,
        "encode: z must have 4 features on axis 2 (dataFormat 'channelsLast'), got shape [2,4,7]. Create the quantizer with dataFormat: 'channelsFirst'.",
      ],
      [
        check(zeros([2, 7, 4]), 4, 'channelsFirst'),
        ShapeError,
        "encode: z must have 4 features on axis 1 (dataFormat 'channelsFirst'), got shape [2,7,4]. Create the quantizer with dataFormat: 'channelsLast'.",
      ],
      [
        check(zeros([2, 5])),
        ShapeError,
        "encode: z must have 4 features on axis 1 (dataFormat 'channelsLast'), got shape [2,5]. Create the quantizer with dim: 5.",
      ],
      [check(null), OptionError, 'encode: z must be a tensor, got null. Make one with tf.tensor(…).'],
    ];
    for (const [call, errorClass, message] of cases) {
      expect(call).toThrow(errorClass);
      expect(call).toThrow(message);
    }
  });
});

it('requireTensor takes tensors of any kind and nothing else', () => {
  expect(() => requireTensor('f', 'x', zeros([0]))).not.toThrow();
  for (const value of [undefined, null, 1, [1], new Float32Array(1), { shape: [1] }])
    expect(() => requireTensor('f', 'x', value)).toThrow(
      /^f: x must be a tensor, got .+\. Make one with tf\.tensor\(…\)\.$/,
    );
});
