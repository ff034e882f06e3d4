import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createRng, OptionError, ShapeError, UnsupportedError } from '@vqkit/core-tensor';
import { eachEngine, expectIdentical, expectSame, tolerances } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVqCodec, type PlainTensor, type VqCodecOptions } from '../src/codec.ts';
import { createVq, type Vq } from '../src/index.ts';
import { distance2, unit } from './float64.ts';
import { plainState } from './state.ts';
import { normal, TRAIN } from './tokens.ts';

/** The same ids, except where two codes are equally near within float32's rounding: engines differ from each other there too. */
async function expectSameIds(actual: Int32Array, ids: Tensor, x: Float32Array, vq: Vq): Promise<void> {
  const { codebookDim: width, useCosineSim } = vq.config;
  const codes = ((await plainState(vq))['_codebook.embed'] as PlainTensor).data as Float32Array;
  const code = (k: number): Float64Array => Float64Array.from(codes.subarray(k * width, (k + 1) * width));
  const expected = await ids.data();
  expect(actual.length).toBe(expected.length);
  actual.forEach((index, row) => {
    if (index === expected[row]) return;
    const raw = Float64Array.from(x.subarray(row * width, (row + 1) * width));
    const token = useCosineSim ? unit(raw) : raw;
    const [own, other] = [index, expected[row] as number].map((k) => {
      return distance2(token, useCosineSim ? unit(code(k)) : code(k));
    }) as [number, number];
    expect(Math.abs(own - other)).toBeLessThan(4 * tolerances.float32 * Math.max(own, other, 1));
  });
}

const drawn = fc.record({
  dim: fc.integer({ min: 1, max: 12 }),
  codebookSize: fc.integer({ min: 1, max: 50 }),
  useCosineSim: fc.boolean(),
  seed: fc.nat(),
});

eachEngine(() => {
  describe('the codec of VQ', () => {
    it('gives the ids of the tensors, and their codes bit for bit, also after training', async () => {
      const property = fc.asyncProperty(drawn, fc.nat(40), fc.boolean(), async (options, tokens, trained) => {
        const { dim } = options;
        const vq = createVq(options);
        if (trained) vq.quantize(normal(60, dim, options.seed), TRAIN);
        const codec = createVqCodec(vq.config, await plainState(vq));
        const { codebookSize, numCodebooks } = vq;
        expect(codec).toMatchObject({ dim, codebookSize, numCodebooks });
        const x = createRng(options.seed).normalArray(tokens * dim, 0.3);
        const ids = vq.encode(tensor(x, [tokens, dim]));
        await expectSameIds(codec.encode(x), ids, x, vq);
        await expectIdentical(codec.decode(new Int32Array(await ids.data())), vq.decode(ids));
        vq.dispose();
      });
      await fc.assert(property, { numRuns: 25 });
    });

    it('takes the rows of heads that share a codebook as tokens', async () => {
      const vq = createVq({ dim: 6, codebookSize: 9, codebookDim: 3, heads: 2 });
      const codec = createVqCodec({ dim: 3, codebookSize: 9 }, await plainState(vq));
      const x = createRng(4).normalArray(60, 0.3);
      await expectSame(codec.encode(x), vq.encode(tensor(x, [10, 6])));
      vq.dispose();
    });

    it('gives the codes of a codebook bit for bit, those that a gradient has moved off the sphere too', async () => {
      const vq = createVq({ dim: 4, codebookSize: 7, useCosineSim: true, learnableCodebook: true });
      const embed = '_codebook.embed';
      const state = vq.stateDict();
      vq.loadStateDict({ ...state, [embed]: tensor(createRng(2).normalArray(28, 3), [1, 7, 4]) });
      const book = vq.codebook?.() as Tensor;
      const codec = createVqCodec(vq.config, { codebook: { shape: book.shape, data: await book.data() } });
      const indices = Int32Array.of(0, 6, -1, 7, 2 ** 31 - 1, -(2 ** 31), 3);
      await expectIdentical(codec.decode(indices), vq.decode(tensor(indices, [7], 'int32')));
      // From the state within rounding.
      const other = createVqCodec(vq.config, await plainState(vq));
      const [a, b] = [codec.decode(Int32Array.of(0, 3)), other.decode(Int32Array.of(0, 3))];
      a.forEach((value, i) => {
        expect(b[i]).toBeCloseTo(value, 6);
      });
      const x = createRng(3).normalArray(400, 1);
      await expectSame(other.encode(x), vq.encode(tensor(x, [100, 4])));
      vq.dispose();
    });
  });
});

describe('the codec of VQ with kernels', () => {
  it('gives the same indices', async () => {
    const kernels = await loadKernels();
    await fc.assert(
      fc.property(drawn, fc.integer({ min: 0, max: 1500 }), (options, tokens) => {
        const { dim, codebookSize, seed } = options;
        const rng = createRng(seed);
        const codebook = { shape: [codebookSize, dim], data: rng.normalArray(codebookSize * dim, 1) };
        const x = rng.normalArray(tokens * dim, 2);
        const fast = createVqCodec(options, { codebook }, { kernels });
        expect(fast.encode(x)).toEqual(createVqCodec(options, { codebook }).encode(x));
      }),
      { numRuns: 30 },
    );
  });
});

describe('a token that cannot be searched', () => {
  it('gets index 0', () => {
    const codebook = { shape: [2, 2], data: [1, 0, 0, 1] };
    const rows = [Number.NaN, 1, Number.POSITIVE_INFINITY, 1, 0.1, 0.9];
    for (const useCosineSim of [false, true]) {
      const codec = createVqCodec({ dim: 2, codebookSize: 2, useCosineSim }, { codebook });
      expect([...codec.encode(Float32Array.from(rows))]).toEqual([0, 0, 1]);
    }
  });
});

describe('bad input of createVqCodec', () => {
  const small = { dim: 2, codebookSize: 2 };
  const codebook = { shape: [2, 2], data: [1, 0, 0, 1] };
  const create =
    (options: unknown, state: unknown = { codebook }) =>
    () =>
      createVqCodec(options as VqCodecOptions, state as Record<string, PlainTensor>);

  it('names the option, the rule, the value and the fix', () => {
    for (const [make, type, message] of [
      [create({ ...small, dim: 0 }), OptionError, 'createVqCodec: dim must be an integer >= 1, got 0. Use 1 or more.'],
      [create({ ...small, size: 1 }), OptionError, "createVqCodec: options must have no 'size', got 1."],
      [
        create({ ...small, dim: 3, codebookDim: 2 }),
        UnsupportedError,
        'createVqCodec: codebookDim must be dim, got 2. Apply projections outside.',
      ],
      [
        create({ dim: 4, codebookDim: 2, codebookSize: 2, heads: 2 }),
        UnsupportedError,
        'createVqCodec: heads must be 1, got 2. Make a codec for one head.',
      ],
      [
        create({ ...small, dataFormat: 'channelsFirst' }),
        UnsupportedError,
        'createVqCodec: dataFormat must be \'channelsLast\', got "channelsFirst". Transpose to [N, dim] outside.',
      ],
      [
        create(small, {}),
        OptionError,
        "createVqCodec: state must be an object with '_codebook.embed' or 'codebook', got []. Pass the state of",
      ],
      [create(small, null), OptionError, 'createVqCodec: state must be an object with'],
      [
        create(small, { codebook: { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] } }),
        ShapeError,
        'createVqCodec: state[\'codebook\'] must be { shape: [2,2], data: 4 values }, got {"shape":[2,3],"data":6}. ',
      ],
      [
        create(small, { '_codebook.embed': codebook }),
        ShapeError,
        'createVqCodec: state[\'_codebook.embed\'] must be { shape: [1,2,2], data: 4 values }, got {"shape":[2,2],"data":4}. ',
      ],
    ] as [() => unknown, typeof OptionError, string][]) {
      expect(make).toThrow(type);
      expect(make).toThrow(message);
    }
  });
});
