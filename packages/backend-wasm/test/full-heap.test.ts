import { readFileSync } from 'node:fs';
import {
  backend,
  engine,
  memory,
  type NamedAttrMap,
  type NamedTensorMap,
  ones,
  randomNormal,
  sum,
  type Tensor,
  tensor,
  tensor1d,
  zeros,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@vqkit/core-tensor';
import { expectIdentical, startEngine, withFullHeap } from '@vqkit/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { countAllocations, takeAll, wasmModule } from './compare.ts';

const normal = (...shape: number[]): Tensor => randomNormal(shape, 0, 1, 'float32', 1);
const ids = (...values: number[]): Tensor => tensor1d(values, 'int32');

const fsq = {
  levels: [3, 3],
  thresholds: [
    [-0.5, 0.5],
    [-0.5, 0.5],
  ],
  centers: [1, 1],
  steps: [1, 1],
  shifts: [0, 0],
  slopes: [1, 1],
  hardClamp: false,
  basis: [1, 3],
};
const stack = {
  fsq,
  layers: [1, 0.5].map((scale) => ({
    thresholds: fsq.thresholds.map((own) => own.map((t) => t * scale)),
    scales: [scale, scale],
  })),
};
const images = { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1 };
const slide = { stride: 2, dilation: 2, before: 1, after: 1 };
const slides = { sliding: [slide, slide], inputSize: [9, 7], filterSize: [3, 3] };
const step = { beta1: 0.9, beta2: 0.999, decay: 1, rate: 0.01, rootScale: 31.6, epsilon: 1e-8 };
const entropy = () => ({ logits: normal(5, 4), sampleWeights: ones([5]), batchWeights: ones([5]) });
const same = () => ({ x: normal(2, 5, 5, 3), filter: normal(3, 3, 3, 6), bias: normal(6) });

/** One call of every kernel that this package gives the engine. */
const calls: Record<string, { inputs: () => Record<string, Tensor>; attrs?: object; allocatesNothing?: boolean }> = {
  Conv2D: { inputs: () => ({ x: normal(2, 5, 5, 3), filter: normal(3, 3, 3, 6) }), attrs: images },
  FusedConv2D: { inputs: same, attrs: { ...images, activation: 'elu' } },
  Conv2DBackpropInput: {
    inputs: () => ({ dy: normal(2, 5, 5, 6), filter: normal(3, 3, 3, 6) }),
    attrs: { ...images, inputShape: [2, 5, 5, 3] },
  },
  Conv2DBackpropFilter: {
    inputs: () => ({ x: normal(2, 5, 5, 3), dy: normal(2, 5, 5, 6) }),
    attrs: { ...images, filterShape: [3, 3, 3, 6] },
  },
  DepthwiseConv2dNativeBackpropInput: {
    inputs: () => ({ dy: normal(2, 5, 5, 4), filter: normal(3, 3, 4, 1) }),
    attrs: { ...images, inputShape: [2, 5, 5, 4] },
  },
  DepthwiseConv2dNativeBackpropFilter: {
    inputs: () => ({ x: normal(2, 5, 5, 4), dy: normal(2, 5, 5, 4) }),
    attrs: { ...images, filterShape: [3, 3, 4, 1] },
  },
  BatchMatMul: {
    inputs: () => ({ a: normal(9, 1200), b: normal(1200, 5) }),
    attrs: { transposeA: false, transposeB: false },
  },
  _FusedMatMul: {
    inputs: () => ({ a: normal(9, 12), b: normal(12, 5), bias: normal(5) }),
    attrs: { transposeA: false, transposeB: false, activation: 'relu' },
  },
  Einsum: { inputs: () => ({ 0: normal(2, 3, 4), 1: normal(2, 5, 4) }), attrs: { equation: 'bij,bkj->ikb' } },
  MaxPool: { inputs: () => ({ x: normal(2, 6, 6, 4) }), attrs: { filterSize: 2, strides: 2, pad: 'valid' } },
  MaxPoolGrad: {
    inputs: () => ({ dy: normal(2, 3, 3, 4), input: normal(2, 6, 6, 4), output: normal(2, 3, 3, 4) }),
    attrs: { filterSize: 2, strides: 2, pad: 'valid' },
  },
  ResizeNearestNeighbor: {
    inputs: () => ({ images: normal(2, 4, 4, 3) }),
    attrs: { size: [8, 8], alignCorners: false, halfPixelCenters: false },
  },
  ResizeNearestNeighborGrad: {
    inputs: () => ({ images: normal(2, 4, 4, 3), dy: normal(2, 8, 8, 3) }),
    attrs: { size: [8, 8], alignCorners: false, halfPixelCenters: false },
  },
  Sum: { inputs: () => ({ x: normal(4, 16) }), attrs: { axis: [0, 1], keepDims: false } },
  Mean: { inputs: () => ({ x: normal(4, 16) }), attrs: { axis: [0, 1], keepDims: false } },
  Multiply: { inputs: () => ({ a: normal(4, 16), b: normal(4, 16) }) },
  Cast: { inputs: () => ({ x: normal(4) }), attrs: { dtype: 'int32' } },
  Identity: { inputs: () => ({ x: normal(4) }), allocatesNothing: true },
  GatherV2: { inputs: () => ({ x: normal(4, 6), indices: ids(0, 3, 3, 1) }), attrs: { axis: 0, batchDims: 0 } },
  UnsortedSegmentSum: { inputs: () => ({ x: normal(4, 6), segmentIds: ids(0, 3, 3, 1) }), attrs: { numSegments: 4 } },

  BitEntropy: { inputs: entropy, attrs: { codebook: true } },
  BitEntropyGrad: {
    inputs: () => ({
      ...entropy(),
      dPerSample: ones([]),
      dEntropy: ones([]),
      dAverage: normal(16),
      entropy: ones([]),
      average: ones([16]),
    }),
    attrs: { codebook: true },
  },
  FsqEncode: { inputs: () => ({ z: normal(7, 2) }), attrs: fsq },
  FsqQuantize: { inputs: () => ({ z: normal(7, 2) }), attrs: fsq },
  FsqQuantizeGrad: { inputs: () => ({ dy: normal(7, 2), z: normal(7, 2) }), attrs: fsq },
  FsqDecode: { inputs: () => ({ indices: ids(0, 8, 4) }), attrs: fsq },
  SignEncode: { inputs: () => ({ x: normal(7, 3) }) },
  SignQuantize: { inputs: () => ({ x: normal(7, 3) }), attrs: { scale: 1 } },
  SignDecode: { inputs: () => ({ indices: ids(0, 7, 4) }), attrs: { scale: 1, dim: 3 } },
  ReverseBits: { inputs: () => ({ indices: ids(0, 7, 4) }), attrs: { bits: 3 } },
  ResidualFsq: { inputs: () => ({ z: normal(7, 2) }), attrs: stack },
  ResidualFsqDecode: {
    inputs: () => ({ indices: tensor([0, 8, 3, 2], [2, 2], 'int32') }),
    attrs: { ...stack, dropout: false },
  },
  ResidualSign: { inputs: () => ({ x: normal(7, 3) }), attrs: { scales: [1, 0.5] } },
  ResidualSignDecode: {
    inputs: () => ({ indices: tensor([0, 7, 3, 2], [2, 2], 'int32') }),
    attrs: { scales: [1, 0.5], dim: 3, dropout: false },
  },
  GatherSum: {
    inputs: () => ({ indices: tensor([0, 2, 3, 1], [2, 2], 'int32'), 0: normal(4, 5), 1: normal(4, 5) }),
    attrs: { layers: 2, dropout: false },
  },
  SoftClamp: { inputs: () => ({ x: normal(7, 3) }), attrs: { limits: [1, 2, 3] } },
  SoftClampGrad: { inputs: () => ({ dy: normal(7, 3), y: normal(7, 3) }), attrs: { limits: [1, 2, 3] } },
  Spread: { inputs: () => ({ value: ones([]) }), attrs: { shape: [3, 5] } },
  StopGradient: { inputs: () => ({ x: normal(4) }), allocatesNothing: true },
  StraightThrough: { inputs: () => ({ x: normal(4), q: normal(4) }), allocatesNothing: true },
  RotateTo: {
    inputs: () => ({ x: normal(7, 5), q: normal(7, 5) }),
    attrs: { maxScale: 100 },
    allocatesNothing: true,
  },
  RotateToGrad: { inputs: () => ({ dy: normal(7, 5), x: normal(7, 5), q: normal(7, 5) }), attrs: { maxScale: 100 } },
  SelectRows: { inputs: () => ({ condition: tensor([1, 0], [2], 'bool'), a: normal(2, 5), b: normal(2, 1) }) },
  CodeCounts: { inputs: () => ({ indices: ids(0, 3, 3, 1) }), attrs: { codebookSize: 4 } },
  NearestCode: {
    inputs: () => ({ x: normal(64, 16), keys: normal(512, 16), bias: normal(512) }),
  },
  NearestCodeExact: { inputs: () => ({ x: normal(7, 4), codes: normal(9, 4) }) },
  ConvSame: { inputs: same, attrs: { upsample: 2 } },
  ConvSameGradInput: {
    inputs: () => ({ dy: normal(2, 10, 10, 6), filter: normal(3, 3, 3, 6) }),
    attrs: { upsample: 2 },
  },
  ConvSameGradFilter: {
    inputs: () => ({ x: normal(2, 5, 5, 3), dy: normal(2, 10, 10, 6) }),
    attrs: { upsample: 2, filterSize: [3, 3] },
  },
  Convolution: { inputs: () => ({ x: normal(2, 9, 7, 3), filter: normal(3, 3, 3, 6) }), attrs: slides },
  ConvolutionGradInput: { inputs: () => ({ dy: normal(2, 4, 3, 6), filter: normal(3, 3, 3, 6) }), attrs: slides },
  ConvolutionGradFilter: { inputs: () => ({ x: normal(2, 9, 7, 3), dy: normal(2, 4, 3, 6) }), attrs: slides },
  Gelu: { inputs: () => ({ x: normal(3, 50) }) },
  GeluGrad: { inputs: () => ({ dy: normal(3, 50), x: normal(3, 50) }) },
  GroupNorm: { inputs: () => ({ x: normal(3, 4, 4, 8) }), attrs: { groups: 2, epsilon: 1e-5 } },
  GroupNormGrad: {
    inputs: () => ({ dy: normal(3, 4, 4, 8), x: normal(3, 4, 4, 8) }),
    attrs: { groups: 2, epsilon: 1e-5 },
  },
  AdamWStep: {
    inputs: () => ({ parameter: normal(33), gradient: normal(33), m: normal(33), v: ones([33]) }),
    attrs: step,
  },
  // Some of tfjs's own, which allocate inside, or several times.
  Add: { inputs: () => ({ a: normal(4, 16), b: normal(16) }) },
  Transpose: { inputs: () => ({ x: normal(4, 16) }), attrs: { perm: [1, 0] } },
  Softmax: { inputs: () => ({ logits: normal(4, 16) }), attrs: { dim: 1 } },
  TopK: { inputs: () => ({ x: normal(4, 16) }), attrs: { k: 3, sorted: true } },
  DepthwiseConv2dNative: { inputs: () => ({ x: normal(2, 5, 5, 4), filter: normal(3, 3, 4, 1) }), attrs: images },
  AvgPool: { inputs: () => ({ x: normal(2, 6, 6, 4) }), attrs: { filterSize: 2, strides: 2, pad: 'valid' } },
  ResizeBilinear: {
    inputs: () => ({ images: normal(2, 4, 4, 3) }),
    attrs: { size: [8, 8], alignCorners: false, halfPixelCenters: false },
  },
};

const run = (name: string, inputs: Record<string, Tensor>): Tensor[] =>
  [
    engine().runKernel(name, inputs as unknown as NamedTensorMap, (calls[name]?.attrs ?? {}) as NamedAttrMap),
  ].flat() as Tensor[];

it('the table has every kernel of this package', () => {
  const source = readFileSync(new URL('../src/kernels/index.ts', import.meta.url), 'utf8');
  const provided = [...source.matchAll(/provide\('(\w+)'/g)].map(([, name]) => name as string);
  expect(provided.length).toBeGreaterThan(50);
  expect(Object.keys(calls)).toEqual(expect.arrayContaining(provided));
});

for (const threads of ['wasm', 'wasm-threads'] as const) {
  describe(`a full heap on ${threads}`, () => {
    let guards: Tensor[];
    beforeAll(async () => {
      await startEngine(threads);
      guards = Array.from({ length: 16 }, (_, i) => tensor1d(Array(64).fill(i) as number[]));
    });
    afterEach(async () => {
      for (const [i, guard] of guards.entries()) await expectIdentical(guard, Array(64).fill(i) as number[]);
    });

    for (const [name, { inputs, allocatesNothing = false }] of Object.entries(calls)) {
      it(`${name} says so, wherever in it that happens, and changes nothing`, async () => {
        const given = inputs();
        const expected = run(name, given);
        const values = await Promise.all(expected.map((t) => t.data()));
        const buffers = memory().numDataBuffers;
        const { allocations, stop } = countAllocations();
        let inAll = 0;
        for (let after = 0; ; after++) {
          let outputs: Tensor[] | undefined;
          let error: unknown;
          withFullHeap(after, () => {
            try {
              outputs = run(name, given);
            } catch (caught) {
              error = caught;
            }
          });
          if (outputs !== undefined) {
            inAll = after;
            for (const [i, output] of outputs.entries()) {
              await expectIdentical(output, values[i] as Float32Array);
              output.dispose();
            }
            break;
          }
          expect(error).toBeInstanceOf(UnsupportedError);
          expect((error as Error).message).toMatch(
            /^\w+: the wasm engine's memory \(at most 4 GB\) must have room for another \d+ bytes, got none\. Use smaller batches/,
          );
          expect(memory().numDataBuffers).toBe(buffers);
          expect(allocations()).toBe(0);
        }
        stop();
        expect(inAll > 0).toBe(!allocatesNothing);
        for (const t of [...expected, ...Object.values(given)]) t.dispose();
      });
    }

    it('making a tensor says so', () => {
      const { numTensors, numDataBuffers } = memory();
      withFullHeap(0, () => expect(() => normal(3, 4)).toThrow(UnsupportedError));
      expect(memory()).toMatchObject({ numTensors, numDataBuffers });
    });

    it('making a tensor says so at the last bytes, where tfjs has taken the others inside', async () => {
      const module = wasmModule();
      const { free } = module.asm;
      // So much that the guard has looked for its reserve, and does not look again for a while.
      zeros([2 ** 24]).dispose();
      const held = takeAll();
      const { numTensors, numDataBuffers } = memory();
      const left = [16, 64, 1024, 2 ** 14, 2 ** 17];
      try {
        for (const bytes of left) {
          // Found in the largest pieces where there are none of this size.
          const from = [...held.entries()].filter(([size, own]) => size >= bytes && own.length > 0).at(-1);
          free(from?.[1].pop() as number);
          const most = from?.[0] as number;
          const kept: Tensor[] = [];
          let error: unknown;
          for (let i = 0; error === undefined && i < most; i++) {
            try {
              kept.push(tensor1d([i, i]));
            } catch (caught) {
              error = caught;
            }
          }
          expect(error).toBeInstanceOf(UnsupportedError);
          for (const [i, t] of kept.entries()) await expectIdentical(t, [i, i]);
          for (const t of kept) t.dispose();
          expect(memory()).toMatchObject({ numTensors, numDataBuffers });
        }
      } finally {
        for (const own of held.values()) for (const address of own) free(address);
      }
    });

    it('a tensor at the end of the addresses is summed up by its own rows', async () => {
      const module = wasmModule();
      const held = takeAll();
      const blocks = [...held.entries()].flatMap(([bytes, own]) =>
        own.map((address) => [address >>> 0, bytes] as const),
      );
      blocks.sort(([a], [b]) => b - a);
      const free = (at: number): number => {
        const [address] = blocks.splice(at, 1)[0] as (typeof blocks)[number];
        module.asm.free(address);
        return address;
      };
      let first = free(0);
      while (module.HEAPU8.length - first < 2 ** 20) first = free(0);
      const filler = module.asm.malloc(Math.max(16, module.HEAPU8.length - first - 2 ** 20));
      // Elsewhere there is room for the sums.
      free(blocks.findIndex(([, bytes]) => bytes >= 2 ** 27));
      const columns = Math.floor((2 ** 20 - 8192) / 12);
      const x = ones([3, columns]);
      const sums = sum(x, 0);
      await expectIdentical(sums, Array(columns).fill(3) as number[]);
      for (const t of [x, sums]) t.dispose();
      for (const address of [filler, ...blocks.map(([address]) => address)]) module.asm.free(address);
    });

    it('no block reaches over the end of the addresses, and what is free elsewhere is found', () => {
      const module = wasmModule();
      // None of it is touched, so that it takes no room in the machine.
      for (const bytes of [402_653_184, 2 ** 28, 2 ** 29, 1e9, 1.5e9]) {
        const held: number[] = [];
        for (;;) {
          try {
            held.push(module._malloc(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(UnsupportedError);
            break;
          }
        }
        expect(held.length).toBeGreaterThanOrEqual(Math.floor(2 ** 32 / bytes) - 1);
        const ends = held.map((address) => (address >>> 0) + bytes);
        expect(Math.max(...ends)).toBeLessThan(2 ** 32);
        module._free(held.shift() as number);
        held.push(module._malloc(bytes));
        for (const address of held) module._free(address);
      }
    });

    it('a size that does not fit into 32 bits is not taken for its remainder', () => {
      const { numDataBuffers } = memory();
      for (const size of [2 ** 30, 2 ** 30 + 2 ** 10]) {
        const make = (): unknown =>
          (backend() as unknown as { makeOutput(shape: number[], dtype: string): unknown }).makeOutput(
            [size],
            'float32',
          );
        expect(make).toThrow(`must have room for another ${4 * size} bytes`);
      }
      expect(memory().numDataBuffers).toBe(numDataBuffers);
    });
  });
}
