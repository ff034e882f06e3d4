import {
  add,
  grad,
  mul,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
} from '@tensorflow/tfjs-core';
import {
  bitEntropy,
  codeCounts,
  createRng,
  type FsqAttrs,
  fsqDecode,
  fsqQuantize,
  gatherCodes,
  nearestCode,
  nearestCodeExact,
  reverseBits,
  rotateRowsTo,
  selectRows,
  signCodes,
  signQuantize,
  unitLength,
} from '@vqkit/core-tensor';
import { engineMissing, expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { init } from '../src/index.ts';

const missing = engineMissing('webgpu');
/** 64 kB are 16,384 numbers, and 2 × 2 workgroups 256 rows. */
const LOW = { maxStorageBufferBindingSize: 65_536, maxComputeWorkgroupsPerDimension: 2 };
const BYTES = { maxStorageBufferBindingSize: 65_536 };
const N = 2500;
const D = 12;

const matrix = (n: number, d: number, seed: number): Tensor2D =>
  tensor2d(createRng(seed).normalArray(n * d, 1), [n, d]);
const ids = (n: number, below: number): Tensor1D =>
  tensor1d(
    Int32Array.from({ length: n }, (_, i) => (i * 7919) % below),
    'int32',
  );

const fsq: FsqAttrs = {
  levels: [4, 2, 3],
  thresholds: [[-1, 0.5, 2], [0], [-0.25, 0.25]],
  centers: [2, 0.5, 1],
  steps: [0.5, 2, 1],
  shifts: [0.25, 0, -0.125],
  slopes: [1.5, 1, 0.5],
  hardClamp: false,
  basis: [1, 4, 8],
};

const runs: Record<string, () => readonly Tensor[]> = {
  FsqQuantize: () => fsqQuantize({ z: matrix(N * 4, 3, 1) }, fsq),
  FsqQuantizeGrad: () => [grad((z) => fsqQuantize({ z: z as Tensor2D }, fsq)[0])(matrix(N * 4, 3, 1))],
  FsqDecode: () => [fsqDecode(ids(N * 8, 24), fsq)],
  SignQuantize: () => signQuantize({ x: matrix(N, D, 2) }, { scale: 1 }),
  SignDecode: () => [signCodes(ids(N, 2 ** D), D, { scale: 0.5 })],
  ReverseBits: () => [reverseBits(ids(N, 2 ** D), D)],
  NearestCode: () => [
    nearestCode({
      x: matrix(700, D, 3),
      keys: matrix(N, D, 4),
      bias: tensor1d(createRng(5).normalArray(N, 1)),
    }),
  ],
  NearestCodeExact: () => {
    // In the middle between two codes.
    const codes = matrix(1000, D, 4);
    const x = mul(add(slice(codes, [0, 0], [700, D]), slice(codes, [300, 0], [700, D])), 0.5) as Tensor2D;
    return [nearestCodeExact({ x, codes })];
  },
  GatherCodes: () => [gatherCodes(matrix(N, D, 6), ids(3000, N))],
  SelectRows: () => {
    const condition = tensor1d(
      Array.from({ length: N }, (_, i) => i % 3 === 0),
      'bool',
    );
    return [selectRows(condition, matrix(N, D, 7), matrix(N, D, 8))];
  },
  RotateToGrad: () => [grad((x) => rotateRowsTo(x as Tensor2D, matrix(N, D, 9), 100))(matrix(N, D, 10))],
  UnitLength: () => [unitLength(matrix(N, D, 11), 1), unitLength(matrix(D, 1200, 12), 0)],
  CodeCounts: () => [codeCounts(ids(N, 20_000), 20_000)],
};

describe.skipIf(missing !== undefined)(missing === undefined ? 'tiles' : `tiles: skipped, ${missing}`, () => {
  for (const [name, run] of Object.entries(runs)) {
    it(`${name} gives the same bits when a buffer is larger than a binding and a dispatch than its grid`, async () => {
      await init();
      const expected = await Promise.all(run().map((t) => t.data()));
      for (const limits of [LOW, BYTES]) {
        await init({ limits });
        for (const [i, output] of run().entries()) await expectIdentical(output, expected[i] ?? []);
      }
      await init();
    });
  }

  it('BitEntropy and its gradient are the same within rounding: the chunks are smaller', async () => {
    const run = (): readonly Tensor[] => {
      const weights = tensor1d(new Float32Array(900).fill(1 / 900));
      const entropies = (logits: Tensor2D): readonly Tensor[] =>
        bitEntropy({ logits, sampleWeights: weights, batchWeights: weights }, { codebook: true });
      const logits = matrix(900, 11, 11);
      const slope = grad((z) => {
        const [perSample, codebook] = entropies(z as Tensor2D) as [Tensor, Tensor];
        return add(perSample, codebook);
      })(logits);
      return [...entropies(logits), slope];
    };
    await init();
    const expected = await Promise.all(run().map((t) => t.data()));
    for (const limits of [LOW, BYTES]) {
      await init({ limits });
      for (const [i, output] of run().entries()) await expectClose(output, expected[i] ?? [], tolerances.float32);
    }
    await init();
  });

  it('names a row that is too wide for any tile', async () => {
    await init({ limits: LOW });
    expect(() => signQuantize({ x: matrix(2, 20_000, 1) }, { scale: 1 })).toThrow(
      'SignQuantize: the bytes that a kernel sees of a tensor at once must be at most 65536 on this device (maxStorageBufferBindingSize), got 80000. Use fewer or narrower rows.',
    );
    await init();
  });
});
