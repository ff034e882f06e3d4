import { range, type Tensor1D, type Tensor2D, tensor, tensor2d } from '@tensorflow/tfjs-core';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createRng } from '@vqkit/core-tensor';
import {
  eachEngine,
  expectSame,
  HARD_CODEBOOKS,
  hardSearch,
  nearestByFloat64,
  repetitions,
  trainingIt,
} from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVqCodec } from '../src/codec.ts';
import { createVq, type Vq } from '../src/index.ts';

/** A quantizer with these codes, as a user loads them. */
function withCodes(codes: Float32Array, dim: number): Vq {
  const codebookSize = codes.length / dim;
  const vq = createVq({ dim, codebookSize });
  const state = vq.stateDict();
  vq.loadStateDict({ ...state, '_codebook.embed': tensor(codes, [1, codebookSize, dim]) });
  return vq;
}

async function idsOf(codes: ArrayLike<number>, x: ArrayLike<number>, dim: number): Promise<ArrayLike<number>> {
  const vq = withCodes(Float32Array.from(codes), dim);
  const tokens: Tensor2D = tensor2d(Float32Array.from(x), [x.length / dim, dim]);
  const encoded = await vq.encode(tokens).data();
  await expectSame(vq.quantize(tokens).indices, encoded);
  vq.dispose();
  return encoded;
}

async function expectFloat64(codes: Float32Array, x: Float32Array, dim: number): Promise<void> {
  await expectSame(await idsOf(codes, x, dim), nearestByFloat64({ codes, x, dim }));
}

const random = (count: number, seed: number, scale = 1): Float32Array => createRng(seed).normalArray(count, scale);

/** Codes whose search went wrong before, and the ids of some tokens. */
const EXAMPLES: [name: string, dim: number, codes: number[], tokens: number[], ids: number[]][] = [
  ['three codes, one far away', 1, [0, 1, 1e8], [1], [1]],
  ['four codes, one far away', 2, [0, 0, 1, 0, 0, 1, 1e10, 1e10], [0.1, 0, 0.9, 0, 0, 0.9], [0, 1, 2]],
  ['a code of NaN', 1, [Number.NaN, 0, 1, 2], [0.1, 1.1, 1.9], [1, 2, 3]],
  ['an infinite code', 1, [0, Number.POSITIVE_INFINITY, 1, 2], [0.1, 1.1, 1.9, 3e38], [0, 2, 3, 0]],
  ['codes that are nearly equal', 1, [1, 1.00001, 0], [1, 1.00001, 0], [0, 1, 2]],
  ['rows pruned by sentinels', 1, [1e30, 0, -1e30, 1, 1e10], [0.2, 0.9, -2e29, 1e10, 3.4e38], [1, 3, 1, 4, 0]],
  ['subnormal codes', 1, [0, 1e-44, 3e-44, 1e-40], [1.1e-44, 2.9e-44, 9e-41], [1, 2, 3]],
];

eachEngine((engine) => {
  describe('the nearest code of VQ', () => {
    for (const [name, dim, codes, x, ids] of EXAMPLES) {
      it(`is the right one: ${name}`, async () => {
        await expectSame(await idsOf(codes, x, dim), ids);
      });
    }

    it('is that of float64 with one coordinate of one code far away', async () => {
      for (const far of [1e3, 1e4, 1e5, 1e30]) {
        const codes = Float32Array.from({ length: 16 * 4 }, (_, i) => (((i >> 2) >> (i & 3)) & 1) - 0.5);
        codes[17] = far;
        await expectFloat64(codes, random(1000 * 4, 1), 4);
      }
    });

    it('is that of float64 among two clusters far apart', async () => {
      for (const apart of [300, 1000]) {
        const shifted = (n: number, seed: number): Float32Array =>
          random(n * 64, seed).map((value, i) => value + ((i >> 6) % 2 === 0 ? apart : -apart));
        await expectFloat64(shifted(repetitions(engine, 256), 2), shifted(repetitions(engine, 500), 3), 64);
      }
    });

    trainingIt(engine)('is that of float64 after thirty steps of moving averages without k-means', async () => {
      const vq = createVq({ dim: 16, codebookSize: 128, decay: 0.99 });
      for (let step = 0; step < 30; step++) {
        const x = tensor2d(random(200 * 16, step, 3), [200, 16]);
        const { quantized, indices, loss } = vq.quantize(x, { training: true });
        for (const t of [x, quantized, indices, loss]) t.dispose();
      }
      const codes = (await vq.decode(range(0, 128, 1, 'int32')).data()) as Float32Array;
      const x = random(300 * 16, 99, 3);
      await expectSame(vq.encode(tensor2d(x, [300, 16])), nearestByFloat64({ codes, x, dim: 16 }));
      vq.dispose();
    });

    it('of a code is that code itself, with 8,192 codes of one feature', async () => {
      const codes = random(8192, 4);
      const first = new Map<number, number>();
      codes.forEach((value, i) => {
        if (!first.has(value)) first.set(value, i);
      });
      const vq = withCodes(codes, 1);
      const every = engine === 'webgpu' ? 101 : 1;
      const ids = range(0, 8192, every, 'int32') as Tensor1D;
      const expected = (await ids.data()).map((i) => first.get(codes[i] as number) as number);
      await expectSame(vq.encode(vq.decode(ids)), expected);
      vq.dispose();
    });

    it('is that of float64 where codes are so near each other that it hardly tells them apart, or not at all', async () => {
      const [codebookSize, tokens] = engine === 'webgpu' ? [80, 12] : [1100, 200];
      for (const dim of [1, 2, 3]) {
        for (const scale of [1 / codebookSize, 1e-9, 1e-15, 1e-17]) {
          const codes = random(codebookSize * dim, dim, scale);
          await expectFloat64(codes, random(tokens * dim, 5), dim);
        }
      }
    });

    it('is that of float64 whatever the codes', async () => {
      for (const [i, kind] of HARD_CODEBOOKS.entries()) {
        const { codes, x, dim } = hardSearch(kind, engine === 'webgpu' ? [40, 20, 6] : [200, 100, 6], i);
        await expectFloat64(codes, x, dim);
      }
    });
  });
});

describe('the codec of VQ', () => {
  it('gives the same ids, with kernels and without', async () => {
    const extras = [{}, { kernels: await loadKernels() }];
    const encode = (codes: Float32Array, x: Float32Array, dim: number): Int32Array[] => {
      const codebookSize = codes.length / dim;
      const state = { codebook: { shape: [codebookSize, dim], data: codes } };
      return extras.map((extra) => createVqCodec({ dim, codebookSize }, state, extra).encode(x));
    };
    for (const [, dim, codes, x, expected] of EXAMPLES) {
      for (const ids of encode(Float32Array.from(codes), Float32Array.from(x), dim)) await expectSame(ids, expected);
    }
    for (const scale of [1e-3, 1e-9, 1e-15, 1e-17]) {
      for (const dim of [1, 2]) {
        const [codes, x] = [random(600 * dim, dim, scale), random(90 * dim, 5)];
        for (const ids of encode(codes, x, dim)) await expectSame(ids, nearestByFloat64({ codes, x, dim }));
      }
    }
    for (const far of [1e9, 1e10, 1e30]) {
      const codes = random(50 * 8, 6);
      codes[100] = far;
      const x = random(400 * 8, 7);
      for (const ids of encode(codes, x, 8)) await expectSame(ids, nearestByFloat64({ codes, x, dim: 8 }));
    }
    for (const [i, kind] of HARD_CODEBOOKS.entries()) {
      for (const sizes of [
        [60, 50, 3],
        [1500, 100, 12],
      ] as const) {
        const { codes, x, dim } = hardSearch(kind, sizes, i);
        for (const ids of encode(codes, x, dim)) await expectSame(ids, nearestByFloat64({ codes, x, dim }));
      }
    }
    expect(extras.length).toBe(2);
  });
});
