import { tensor } from '@tensorflow/tfjs-core';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createRng, OptionError, UnsupportedError } from '@vqkit/core-tensor';
import {
  camelCaseOptions,
  eachEngine,
  expectIdentical,
  expectSame,
  goldenCases,
  goldenTensor,
  subnormalsAreZero,
} from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLfqCodec } from '../src/codec.ts';
import { type BitOrder, createLfq, type LfqOptions } from '../src/index.ts';

const SPECIAL = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1e-45,
  3e-45,
  7e-45,
  -1e-45,
  3e38,
];

/** Normal numbers, one in five of them special. */
function values(count: number, seed: number, special: readonly number[]): Float32Array {
  const rng = createRng(seed);
  const chosen = rng.uniformArray(count, 0, 5 * special.length);
  return rng.normalArray(count, 1.5).map((value, i) => special[Math.floor(chosen[i] as number)] ?? value);
}

const drawn = fc.record({
  bits: fc.integer({ min: 1, max: 30 }),
  numCodebooks: fc.integer({ min: 1, max: 3 }),
  spherical: fc.boolean(),
  bitOrder: fc.constantFrom<BitOrder>('msbFirst', 'lsbFirst'),
  codebookScale: fc.constantFrom(1, 0.1, 0.25, 3),
  softClampInputValue: fc.constantFrom(null, 3, 4.5, 10, 1e3),
});

describe('the codec of LFQ with kernels', () => {
  it('gives the same ids, whatever is left over beside whole vectors and chunks', async () => {
    const kernels = await loadKernels();
    const property = fc.asyncProperty(
      drawn,
      fc.integer({ min: 0, max: 4000 }),
      fc.nat(),
      async ({ bits, ...options }, tokens, seed) => {
        const given = { ...options, codebookSize: 2 ** bits };
        const codec = createLfqCodec(given);
        const fast = createLfqCodec(given, { kernels });
        const z = values(tokens * codec.dim, seed, SPECIAL);
        await expectSame(fast.encode(z), codec.encode(z));
      },
    );
    await fc.assert(property, { seed: 1, numRuns: 60 });
  });
});

eachEngine((engine) => {
  // What the soft clamp and the division by the length do to subnormal numbers is the engine's arithmetic.
  const special = SPECIAL.filter((value) => !(subnormalsAreZero(engine) && value !== 0 && Math.abs(value) < 2 ** -126));

  describe('the codec of LFQ', () => {
    it('gives the ids and the codes of the tensors, bit for bit', async () => {
      const property = fc.asyncProperty(drawn, fc.nat(40), fc.nat(), async ({ bits, ...rest }, tokens, seed) => {
        const lfq = createLfq({ ...rest, codebookSize: 2 ** bits, entropyLossWeight: 0 });
        const codec = createLfqCodec(lfq.config);
        const { dim, codebookSize, numCodebooks } = lfq;
        expect(codec).toMatchObject({ dim, codebookSize, numCodebooks });
        const x = values(tokens * dim, seed, special);
        const ids = lfq.encode(tensor(x, [tokens, dim]));
        await expectSame(codec.encode(x), ids);
        await expectIdentical(codec.decode(codec.encode(x)), lfq.decode(ids));
        lfq.dispose();
      });
      await fc.assert(property, { numRuns: 40 });
    });

    it('keeps the sign that a soft clamp keeps, down to the smallest numbers', async () => {
      const smallest = subnormalsAreZero(engine) ? 2 ** -110 : 2 ** -149;
      const x = Float32Array.from({ length: 64 }, (_, i) => (i + 1) * smallest);
      for (const softClampInputValue of [0.3, 0.5, 0.7, 1, 1.5, 2, 3, 17.3, 64]) {
        const lfq = createLfq({ dim: 1, codebookScale: 0.1, softClampInputValue });
        await expectSame(createLfqCodec(lfq.config).encode(x), lfq.encode(tensor(x, [64, 1])));
        lfq.dispose();
      }
    });

    it('decodes -1 to zeros and other indices out of range to NaN, token by token', async () => {
      for (const numCodebooks of [1, 2]) {
        const lfq = createLfq({ codebookSize: 16, numCodebooks });
        const indices = Int32Array.of(-1, -1, -1, 3, 15, 16, 0, -2, 2 ** 31 - 1, 15, -(2 ** 31), 0);
        const shape = numCodebooks === 1 ? [12] : [6, 2];
        await expectIdentical(createLfqCodec(lfq.config).decode(indices), lfq.decode(tensor(indices, shape, 'int32')));
        lfq.dispose();
      }
    });
  });
});

describe('the codec of LFQ', () => {
  it('gives the ids of vector-quantize-pytorch', async () => {
    const plain = goldenCases('LFQ').filter(
      ({ config, x, state, mask }) =>
        x.shape.length < 4 &&
        mask === undefined &&
        config.channel_first !== true &&
        Object.keys(state).every((key) => key === 'mask'),
    );
    expect(plain.length).toBeGreaterThan(5);
    for (const golden of plain) {
      const codec = createLfqCodec(camelCaseOptions(golden) as LfqOptions);
      const x = new Float32Array(await goldenTensor(golden.x).data());
      await expectSame(codec.encode(x), golden.indices.data);
    }
  });

  it('has feature 0 as the most significant bit, and writes into larger arrays', () => {
    const codec = createLfqCodec({ codebookSize: 16 });
    const indices = new Int32Array(2).fill(7);
    codec.encodeInto(Float32Array.of(0.3, -2, 5, 0), indices);
    expect([...indices]).toEqual([10, 7]);
    const output = new Float32Array(5).fill(9);
    codec.decodeInto(indices.subarray(0, 1), output);
    expect([...output]).toEqual([1, -1, 1, -1, 9]);
  });

  it('refuses options that it cannot carry out exactly, and bad ones', () => {
    const cases: [LfqOptions, typeof OptionError | typeof UnsupportedError, string][] = [
      [
        { codebookSize: 16, dim: 3 },
        UnsupportedError,
        'dim must be 4: a codec has no projections, got 3. Apply them outside.',
      ],
      [
        { dim: 4, hasProjections: true },
        UnsupportedError,
        'hasProjections must be false, got true. Apply the projections outside.',
      ],
      [
        { dim: 4, orthogonalRotation: true },
        UnsupportedError,
        'orthogonalRotation must be false, got true. Apply the rotation outside.',
      ],
      [
        { dim: 4, dataFormat: 'channelsFirst' },
        UnsupportedError,
        'dataFormat must be \'channelsLast\', got "channelsFirst". Transpose to [N, dim] outside.',
      ],
      [{ codebookSize: 12 }, OptionError, 'codebookSize must be a power of two, got 12. Use 8 or 16.'],
      [{ dim: 4, bits: 4 } as LfqOptions, OptionError, "options must have no 'bits', got 4."],
    ];
    for (const [options, type, message] of cases) {
      const call = (): unknown => createLfqCodec(options);
      expect(call).toThrow(type);
      expect(call).toThrow(`createLfqCodec: ${message}`);
    }
  });

  it('says what is wrong with its arrays', () => {
    const call = (): unknown => createLfqCodec({ dim: 4 }).encode(new Float32Array(7));
    expect(call).toThrow(
      'createLfqCodec().encode: input.length must be a multiple of 4 (one token), got 7. Pass whole tokens.',
    );
  });
});
