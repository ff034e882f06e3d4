import { range, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createRng, OptionError, ShapeError, UnsupportedError } from '@vqkit/core-tensor';
import {
  camelCaseOptions,
  eachEngine,
  expectClose,
  expectIdentical,
  expectSame,
  goldenCases,
  goldenTensor,
  tolerances,
} from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSimVqCodec, type PlainTensor } from '../src/codec.ts';
import { createSimVq, type SimVq, type SimVqOptions } from '../src/index.ts';
import { codebook64, type Matrix, nearest64 } from './float64.ts';
import { normal } from './tokens.ts';

async function plainState(simvq: SimVq): Promise<Record<string, PlainTensor>> {
  const state: Record<string, PlainTensor> = {};
  for (const [key, value] of Object.entries(simvq.stateDict())) {
    state[key] = { shape: value.shape, data: await value.data() };
  }
  return state;
}

/** All codes as an engine has them. */
async function codebookOf(simvq: SimVq): Promise<{ codebook: PlainTensor }> {
  const all = simvq.decode(range(0, simvq.codebookSize, 1, 'int32'));
  return { codebook: { shape: all.shape, data: await all.data() } };
}

/** The same ids, except where two codes are equally near within float32's rounding: engines differ from each other there too. */
async function expectSameIds(actual: Int32Array, ids: Tensor, x: Float32Array, codes: Matrix): Promise<void> {
  const dim = codes[0]?.length ?? 0;
  const expected = await ids.data();
  expect(actual.length).toBe(expected.length);
  actual.forEach((index, n) => {
    if (index === expected[n]) return;
    const token = x.subarray(n * dim, (n + 1) * dim);
    const [own, other] = [index, expected[n] as number].map((k) =>
      token.reduce((sum, value, i) => sum + (value - (codes[k]?.[i] as number)) ** 2, 0),
    ) as [number, number];
    expect(Math.abs(own - other)).toBeLessThan(tolerances.float32 * Math.max(own, other));
  });
}

const drawn = fc.record({
  dim: fc.integer({ min: 1, max: 12 }),
  codebookSize: fc.integer({ min: 1, max: 50 }),
  frozenCodebookDim: fc.integer({ min: 1, max: 12 }),
  transformBias: fc.boolean(),
  codebookInit: fc.constantFrom('normal', 'uniform'),
  seed: fc.nat(),
});

describe('the codec of SimVQ with kernels', () => {
  const plain = (rows: number, columns: number, data: ArrayLike<number>): PlainTensor => ({
    shape: [rows, columns],
    data,
  });

  /** The plain codec and the one with kernels must give the same indices. */
  async function expectSameAsPlain(
    options: SimVqOptions,
    state: Record<string, PlainTensor>,
    x: Float32Array,
  ): Promise<void> {
    const fast = createSimVqCodec(options, state, { kernels: await loadKernels() });
    await expectSame(fast.encode(x), createSimVqCodec(options, state).encode(x));
  }

  it('gives the same indices, also behind a narrow frozen codebook', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, fc.integer({ min: 0, max: 2500 }), async (options, tokens) => {
        const { dim, codebookSize, frozenCodebookDim: width, transformBias, seed } = options;
        const rng = createRng(seed);
        const state = {
          frozen_codebook: plain(codebookSize, width, rng.normalArray(codebookSize * width, 1)),
          'code_transform.weight': plain(dim, width, rng.normalArray(dim * width, 1)),
          ...(transformBias ? { 'code_transform.bias': { shape: [dim], data: rng.normalArray(dim, 1) } } : {}),
        };
        await expectSameAsPlain(options, state, rng.normalArray(tokens * dim, 2));
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  it('gives the same indices where float32 scores are equal or nearly so, and where codes or tokens cannot be searched', async () => {
    const rng = createRng(3);
    const [dim, codebookSize, tokens] = [6, 40, 600];
    const spread = (count: number, steps: number, offset: number): Float32Array =>
      Float32Array.from({ length: count }, () => offset + rng.integer(steps));
    for (const [codes, x] of [
      // Whole numbers: many exact ties.
      [spread(codebookSize * dim, 3, -1), spread(tokens * dim, 3, -1)],
      // Far from the origin and close together: float32 scores agree in all digits.
      [spread(codebookSize * dim, 3, 1e6), spread(tokens * dim, 3, 1e6)],
      // Tiny numbers, whose products underflow.
      [rng.normalArray(codebookSize * dim, 1e-25), rng.normalArray(tokens * dim, 1e-25)],
    ] as const) {
      await expectSameAsPlain({ dim, codebookSize }, { codebook: plain(codebookSize, dim, codes) }, x);
    }
    const special = [Number.NaN, Number.POSITIVE_INFINITY, -1e30, 2 ** 56];
    const broken = rng.normalArray(codebookSize * dim, 1).map((v, i) => (i < 4 * dim ? (special[i % 4] ?? v) : v));
    const x = rng.normalArray(tokens * dim, 1).map((v, i) => (i % 50 < 4 ? (special[i % 50] ?? v) : v));
    await expectSameAsPlain({ dim, codebookSize }, { codebook: plain(codebookSize, dim, broken) }, x);
    const all = new Float32Array(codebookSize * dim).fill(Number.NaN);
    await expectSameAsPlain({ dim, codebookSize }, { codebook: plain(codebookSize, dim, all) }, x);
  });
});

eachEngine(() => {
  describe('the codec of SimVQ', () => {
    it('gives the ids of the tensors, and their codes within one rounding', async () => {
      const property = fc.asyncProperty(drawn, fc.nat(40), fc.nat(), async (options, tokens, seed) => {
        const simvq = createSimVq(options);
        const codec = createSimVqCodec(simvq.config, await plainState(simvq));
        const { dim, codebookSize, numCodebooks } = simvq;
        expect(codec).toMatchObject({ dim, codebookSize, numCodebooks });
        const x = createRng(seed).normalArray(tokens * dim, 0.5);
        const ids = simvq.encode(tensor(x, [tokens, dim]));
        await expectSameIds(codec.encode(x), ids, x, await codebook64(simvq));
        await expectClose(codec.decode(new Int32Array(await ids.data())), simvq.decode(ids), tolerances.float32);
        simvq.dispose();
      });
      await fc.assert(property, { numRuns: 30 });
    });

    it('gives the codes bit for bit from the codebook, for any transform', async () => {
      for (const codebookTransform of ['linear', { hidden: [8], activation: 'gelu' }] as const) {
        const simvq = createSimVq({ dim: 6, codebookSize: 37, frozenCodebookDim: 4, codebookTransform });
        const codebook = await codebookOf(simvq);
        const codec = createSimVqCodec(simvq.config, codebook);
        const indices = Int32Array.of(0, 36, -1, 37, 2 ** 31 - 1, -(2 ** 31), 12);
        await expectIdentical(codec.decode(indices), simvq.decode(tensor(indices, [7], 'int32')));
        const x = normal(200, 6, 3);
        const codes = Array.from({ length: 37 }, (_, k) =>
          Float64Array.from({ length: 6 }, (_, i) => codebook.codebook.data[6 * k + i] as number),
        );
        const values = new Float32Array(await x.data());
        await expectSameIds(codec.encode(values), simvq.encode(x), values, codes);
        simvq.dispose();
      }
    });

    it('gives index 0 to a token that is not finite or too large, as the tensors do', async () => {
      for (const frozenCodebookDim of [2, 4]) {
        const simvq = createSimVq({ dim: 4, codebookSize: 9, frozenCodebookDim, seed: 5 });
        const codec = createSimVqCodec(simvq.config, await plainState(simvq));
        const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30, -1e18];
        const x = Float32Array.from(odd.flatMap((value) => [0.1, value, 0.2, 0.3]));
        expect([...codec.encode(x)]).toEqual([0, 0, 0, 0, 0]);
        await expectSame(codec.encode(x), simvq.encode(tensor(x, [5, 4])));
        simvq.dispose();
      }
    });

    it('agrees with float64 under a large common offset', async () => {
      const codes = createRng(2).normalArray(64 * 8, 0.5);
      const simvq = createSimVq({ dim: 8, codebookSize: 64 });
      const offset = codes.map((value) => value + 1000);
      const codec = createSimVqCodec(simvq.config, { codebook: { shape: [64, 8], data: offset } });
      const x = createRng(3)
        .normalArray(100 * 8, 0.5)
        .map((value) => value + 1000);
      const rows = Array.from({ length: 64 }, (_, k) => Float64Array.from(offset.slice(8 * k, 8 * k + 8)));
      expect([...codec.encode(x)]).toEqual(await nearest64(tensor(x, [100, 8]), rows));
      simvq.dispose();
    });
  });
});

describe('the codec of SimVQ', () => {
  const codebook = { shape: [3, 2], data: [1, 0, 0, 1, 0, 1] };
  const state = {
    frozen_codebook: { shape: [3, 2], data: [1, 0, 0, 1, 0, 1] },
    'code_transform.weight': { shape: [2, 2], data: [1, 0, 0, 1] },
  };
  const options = { dim: 2, codebookSize: 3 };

  it('gives the ids of vector-quantize-pytorch', async () => {
    const linear = goldenCases('SimVQ').filter(
      ({ config, x, state, mask }) =>
        x.shape.length < 4 && mask === undefined && config.channel_first !== true && 'code_transform.weight' in state,
    );
    expect(linear.length).toBeGreaterThan(2);
    for (const golden of linear) {
      const codec = createSimVqCodec(camelCaseOptions(golden, false) as unknown as SimVqOptions, golden.state);
      const x = new Float32Array(await goldenTensor(golden.x).data());
      await expectSame(codec.encode(x), golden.indices.data);
      await expectClose(codec.decode(codec.encode(x)), golden.quantized.data, tolerances.float32);
    }
  });

  it('takes the lowest index on ties, and the code of an unusable vector never', () => {
    const codec = createSimVqCodec(options, { codebook });
    expect([...codec.encode(Float32Array.of(0.3, 0.9, 2, 0, -1, 5))]).toEqual([1, 0, 1]);
    const one = createSimVqCodec({ dim: 1, codebookSize: 2 }, { codebook: { shape: [2, 1], data: [1e30, -1e30] } });
    expect([...one.encode(Float32Array.of(-1, 1))]).toEqual([0, 0]);
  });

  it('copies the state, and writes into larger arrays', () => {
    const data = Float32Array.from(codebook.data);
    const codec = createSimVqCodec(options, { codebook: { shape: [3, 2], data } });
    data.fill(0);
    const indices = new Int32Array(2).fill(7);
    codec.encodeInto(Float32Array.of(0.3, 0.9), indices);
    expect([...indices]).toEqual([1, 7]);
    const output = new Float32Array(3).fill(9);
    codec.decodeInto(indices.subarray(0, 1), output);
    expect([...output]).toEqual([0, 1, 9]);
  });

  it('says what is wrong with its options, its state and its arrays', () => {
    const { frozen_codebook } = state;
    const keys = '["code_transform.weight","frozen_codebook"]';
    const cases: [unknown, unknown, typeof OptionError, string][] = [
      [
        { ...options, dataFormat: 'channelsFirst' },
        state,
        UnsupportedError,
        'dataFormat must be \'channelsLast\', got "channelsFirst". Transpose to [N, dim] outside.',
      ],
      [
        { ...options, codebookTransform: 'custom' },
        state,
        UnsupportedError,
        'codebookTransform must be \'linear\' unless the state is a codebook, got "custom". Pass { codebook } instead: what decode gives for all indices.',
      ],
      [
        options,
        undefined,
        OptionError,
        `state must be an object with exactly the keys ${keys}, got []. Pass the state of a quantizer of the same configuration.`,
      ],
      [options, { frozen_codebook }, OptionError, `keys ${keys}, got ["frozen_codebook"].`],
      [options, { ...state, codebook }, OptionError, 'keys ["codebook"], got'],
      [{ ...options, transformBias: true }, state, OptionError, '["code_transform.bias",'],
      [
        { ...options, codebookSize: 2 },
        { codebook },
        ShapeError,
        'state[\'codebook\'] must be { shape: [2,2], data: 4 values }, got {"shape":[3,2],"data":6}. Pass the state of a quantizer of the same configuration.',
      ],
      [options, { codebook: [1, 2] }, ShapeError, "state['codebook'] must be { shape: [3,2], data: 6 values }, got {"],
      [{ dim: 0, codebookSize: 3 }, { codebook }, OptionError, 'dim must be an integer >= 1, got 0. Use 1 or more.'],
      [{ ...options, width: 2 }, { codebook }, OptionError, "options must have no 'width', got 2."],
    ];
    for (const [config, tensors, type, message] of cases) {
      const call = (): unknown => createSimVqCodec(config as SimVqOptions, tensors as typeof state);
      expect(call).toThrow(type);
      expect(call).toThrow(/^createSimVqCodec: .+\.$/);
      expect(call).toThrow(message);
    }
    expect(() => createSimVqCodec(options, state).encode(new Float32Array(3))).toThrow(
      'createSimVqCodec().encode: input.length must be a multiple of 2 (one token), got 3. Pass whole tokens.',
    );
  });
});
