import { tensor } from '@tensorflow/tfjs-core';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createRng, OptionError, ShapeError, UnsupportedError } from '@vqkit/core-tensor';
import { camelCaseOptions, eachEngine, expectIdentical, expectSame, goldenCases, goldenTensor } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFsqCodec } from '../src/codec.ts';
import { createFsq, type FsqBound, type FsqOptions, fsqThresholds } from '../src/index.ts';

const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 0.5, -0.5, 1e-45, -1e-45, 3e38];

/** Normal numbers, one in five of them special. */
function values(count: number, seed: number): Float32Array {
  const rng = createRng(seed);
  const chosen = rng.uniformArray(count, 0, 5 * SPECIAL.length);
  return rng.normalArray(count, 1.5).map((value, i) => SPECIAL[Math.floor(chosen[i] as number)] ?? value);
}

const shape = {
  levels: fc.array(fc.integer({ min: 3, max: 20 }), { minLength: 1, maxLength: 6 }),
  numCodebooks: fc.integer({ min: 1, max: 3 }),
};
const drawn: fc.Arbitrary<FsqOptions> = fc.oneof(
  fc.record({ ...shape, preserveSymmetry: fc.boolean(), bound: fc.constantFrom<FsqBound>('reference', 'hardClamp') }),
  fc.record({ ...shape, bound: fc.constant('official' as const) }),
);

describe('the codec of FSQ with kernels', () => {
  it('gives the same ids, whatever is left over beside whole vectors and chunks', async () => {
    const kernels = await loadKernels();
    await fc.assert(
      fc.asyncProperty(drawn, fc.integer({ min: 0, max: 6000 }), fc.nat(), async (options, tokens, seed) => {
        const codec = createFsqCodec(options);
        const fast = createFsqCodec(options, { kernels });
        const z = values(tokens * codec.dim, seed);
        await expectSame(fast.encode(z), codec.encode(z));
        // A second call finds nothing of the first.
        await expectSame(fast.encode(z.subarray(0, codec.dim)), codec.encode(z.subarray(0, codec.dim)));
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('counts every level of a large number of them', async () => {
    const kernels = await loadKernels();
    for (const count of [200, 300]) {
      const z = Float32Array.from(fsqThresholds([count])[0] ?? []);
      const fast = createFsqCodec({ levels: [count] }, { kernels });
      await expectSame(
        fast.encode(z),
        Array.from(z, (_, i) => i + 1),
      );
    }
  });

  it('writes no more indices than there are tokens', async () => {
    const codec = createFsqCodec({ levels: [5] }, { kernels: await loadKernels() });
    const indices = new Int32Array(9).fill(77);
    codec.encodeInto(new Float32Array(5), indices);
    expect([...indices]).toEqual([2, 2, 2, 2, 2, 77, 77, 77, 77]);
  });
});

eachEngine(() => {
  describe('the codec of FSQ', () => {
    it('gives the ids and the codes of the tensors, bit for bit', async () => {
      const property = fc.asyncProperty(drawn, fc.nat(40), fc.nat(), async (options, tokens, seed) => {
        const fsq = createFsq(options);
        const codec = createFsqCodec(fsq.config);
        const { dim, codebookSize, numCodebooks } = fsq;
        expect(codec).toMatchObject({ dim, codebookSize, numCodebooks });
        const z = values(tokens * dim, seed);
        const ids = fsq.encode(tensor(z, [tokens, dim]));
        await expectSame(codec.encode(z), ids);
        await expectIdentical(codec.decode(codec.encode(z)), fsq.decode(ids));
        fsq.dispose();
      });
      await fc.assert(property, { numRuns: 40 });
    });

    it('agrees at every threshold and at its two neighbours', async () => {
      for (const [count, preserveSymmetry] of [
        [8, false],
        [7, true],
        [100, false],
      ] as const) {
        const options = { levels: [count], preserveSymmetry };
        const thresholds = new Float32Array(fsqThresholds([count], { preserveSymmetry }).flat());
        const words = new Int32Array(thresholds.buffer);
        const z = Float32Array.from(
          [-1, 0, 1].flatMap((step) => [...new Float32Array(words.map((w) => w + step).buffer)]),
        );
        const fsq = createFsq(options);
        await expectSame(createFsqCodec(options).encode(z), fsq.encode(tensor(z, [z.length, 1])));
        fsq.dispose();
      }
    });

    it('decodes -1 to zeros and other indices out of range to NaN, token by token', async () => {
      for (const numCodebooks of [1, 2]) {
        const fsq = createFsq({ levels: [3, 5], numCodebooks });
        const indices = Int32Array.of(-1, -1, -1, 3, 14, 15, 0, -2, 2 ** 31 - 1, 14, -(2 ** 31), 0);
        const shape = numCodebooks === 1 ? [12] : [6, 2];
        await expectIdentical(createFsqCodec(fsq.config).decode(indices), fsq.decode(tensor(indices, shape, 'int32')));
        fsq.dispose();
      }
    });

    it('decodes exactly up to 2^31 - 1', async () => {
      const options: FsqOptions = { levels: [2 ** 16, 2 ** 15 - 1], preserveSymmetry: true };
      const fsq = createFsq(options);
      const indices = Int32Array.of(0, 1, 2 ** 24 + 1, fsq.codebookSize - 1, fsq.codebookSize);
      await expectIdentical(createFsqCodec(options).decode(indices), fsq.decode(tensor(indices, [5], 'int32')));
      fsq.dispose();
    });
  });
});

describe('the codec of FSQ', () => {
  it('gives the ids of vector-quantize-pytorch', async () => {
    const plain = goldenCases('FSQ').filter(
      ({ config, x, state }) => x.shape.length < 4 && Object.keys(state).length === 0 && config.channel_first !== true,
    );
    expect(plain.length).toBeGreaterThan(5);
    for (const golden of plain) {
      const codec = createFsqCodec(camelCaseOptions(golden) as unknown as FsqOptions);
      const x = new Float32Array(await goldenTensor(golden.x).data());
      await expectSame(codec.encode(x), golden.indices.data);
    }
  });

  it('writes into larger arrays and leaves their rest alone', () => {
    const codec = createFsqCodec({ levels: [8, 5, 5, 5] });
    const indices = new Int32Array(3).fill(7);
    codec.encodeInto(Float32Array.of(0.3, -2, 5, 0), indices);
    expect([...indices]).toEqual([565, 7, 7]);
    const output = new Float32Array(6).fill(9);
    codec.decodeInto(indices.subarray(0, 1), output);
    expect([...output]).toEqual([0.25, -1, 1, 0, 9, 9]);
  });

  it('says what is wrong with its arrays', () => {
    const codec = createFsqCodec({ levels: [8, 5, 5, 5] });
    const [floats, ints] = [new Float32Array(8), new Int32Array(2)];
    const cases: [() => unknown, typeof OptionError | typeof ShapeError, string][] = [
      [
        () => codec.encode([1, 2, 3, 4] as unknown as Float32Array),
        OptionError,
        'encode: input must be of type Float32Array, got [1,2,3,4]. Make one with Float32Array.from(…).',
      ],
      [
        () => codec.encode(new Float32Array(7)),
        ShapeError,
        'encode: input.length must be a multiple of 4 (one token), got 7. Pass whole tokens.',
      ],
      [
        () => codec.encodeInto(new Float64Array(8) as unknown as Float32Array, ints),
        OptionError,
        'encodeInto: input must be of type Float32Array, got a Float64Array. Make one with Float32Array.from(…).',
      ],
      [
        () => codec.encodeInto(floats, floats as unknown as Int32Array),
        OptionError,
        'encodeInto: indices must be of type Int32Array, got a Float32Array. Make one with Int32Array.from(…).',
      ],
      [
        () => codec.encodeInto(floats, new Int32Array(1)),
        ShapeError,
        'encodeInto: indices.length must be >= 2, got 1. Make it with new Int32Array(2).',
      ],
      [
        () => codec.decode(floats as unknown as Int32Array),
        OptionError,
        'decode: indices must be of type Int32Array, got a Float32Array. Make one with Int32Array.from(…).',
      ],
      [
        () => codec.decodeInto(ints, new Float32Array(7)),
        ShapeError,
        'decodeInto: output.length must be >= 8, got 7. Make it with new Float32Array(8).',
      ],
      [
        () => createFsqCodec({ levels: [8, 5], numCodebooks: 2 }).decode(new Int32Array(3)),
        ShapeError,
        'decode: indices.length must be a multiple of 2 (one token), got 3. Pass whole tokens.',
      ],
    ];
    for (const [call, type, message] of cases) {
      expect(call).toThrow(type);
      expect(call).toThrow(`createFsqCodec().${message}`);
    }
  });

  it('refuses options that it cannot carry out exactly, and bad ones', () => {
    const cases: [FsqOptions, typeof OptionError | typeof UnsupportedError, string][] = [
      [
        { levels: [8, 5], dim: 3 },
        UnsupportedError,
        'dim must be 2: a codec has no projections, got 3. Apply them outside.',
      ],
      [
        { levels: [8, 5], orthogonalRotation: true },
        UnsupportedError,
        'orthogonalRotation must be false, got true. Apply the rotation outside.',
      ],
      [
        { levels: [8, 5], dataFormat: 'channelsFirst' },
        UnsupportedError,
        'dataFormat must be \'channelsLast\', got "channelsFirst". Transpose to [N, dim] outside.',
      ],
      [{ levels: [8, 1] }, OptionError, 'levels[1] must be an integer >= 2, got 1. Use 2 or more.'],
      [{ levels: [8], scale: 1 } as FsqOptions, OptionError, "options must have no 'scale', got 1."],
    ];
    for (const [options, type, message] of cases) {
      const call = (): unknown => createFsqCodec(options);
      expect(call).toThrow(type);
      expect(call).toThrow(`createFsqCodec: ${message}`);
    }
  });
});
