import {
  cast,
  conv2d,
  depthwiseConv2d,
  einsum,
  fused,
  gather,
  grads,
  image,
  matMul,
  maxPool,
  mean,
  mul,
  randomNormal,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tensor1d,
} from '@tensorflow/tfjs-core';
import {
  bitEntropy,
  codeCounts,
  type FsqAttrs,
  fsqDecode,
  fsqEncode,
  fsqQuantize,
  rotateRowsTo,
  signCodes,
  signEncode,
  signQuantize,
} from '@vqkit/core-tensor';
import { adamWStep, gelu, groupNorm } from '@vqkit/nn';
import { startEngine } from '@vqkit/testing';
import { describe, it } from 'vitest';
import { init } from '../src/index.ts';
import { expectNoLeaks } from './compare.ts';

/** Value and all gradients, once. */
function both(f: (...x: Tensor[]) => Tensor, ...shapes: number[][]): Tensor[] {
  const inputs = shapes.map((shape, i) => randomNormal(shape, 0, 1, 'float32', i + 1));
  return [f(...inputs), ...grads((...x: Tensor[]) => sum(f(...x)))(inputs)];
}

const ids = (): Tensor1D => tensor1d([0, 3, 3, 1], 'int32');

const three: FsqAttrs = {
  levels: [3],
  thresholds: [[-0.5, 0.5]],
  centers: [1],
  steps: [1],
  shifts: [0],
  slopes: [1],
  hardClamp: false,
  basis: [1],
};

const runs: Record<string, () => Tensor[]> = {
  conv2d: () => both((x, f) => conv2d(x as Tensor4D, f as Tensor4D, 1, 'same'), [2, 5, 5, 3], [3, 3, 3, 5]),
  'conv2d with few outputs': () =>
    both((x, f) => conv2d(x as Tensor4D, f as Tensor4D, 2, 'valid'), [2, 6, 6, 4], [2, 2, 4, 2]),
  'fused.conv2d': () =>
    both(
      (x, filter, bias) =>
        fused.conv2d({ x: x as Tensor4D, filter: filter as Tensor4D, strides: 1, pad: 'same', bias: bias as Tensor1D }),
      [2, 5, 5, 3],
      [3, 3, 3, 5],
      [5],
    ),
  depthwiseConv2d: () =>
    both((x, f) => depthwiseConv2d(x as Tensor4D, f as Tensor4D, 1, 'same'), [2, 5, 5, 4], [3, 3, 4, 1]),
  'sum, mean and cast': () => both((x) => mul(sum(x), mean(cast(x, 'float32'))), [4, 16]),
  matMul: () => both((a, b) => matMul(a, b), [9, 1200], [1200, 5]),
  einsum: () => both((a, b) => einsum('bij,bkj->bik', a, b), [2, 3, 4], [2, 5, 4]),
  maxPool: () => both((x) => maxPool(x as Tensor4D, 2, 2, 'valid'), [2, 6, 6, 4]),
  resizeNearestNeighbor: () => both((x) => image.resizeNearestNeighbor(x as Tensor4D, [8, 8]), [2, 4, 4, 3]),
  gather: () => both((x) => gather(x as Tensor2D, ids()), [4, 6]),
  gelu: () => both((x) => gelu(x), [3, 50]),
  groupNorm: () => both((x) => groupNorm(x, 2), [3, 4, 4, 8]),
  fsqQuantize: () => both((z) => fsqQuantize({ z: z as Tensor2D }, three)[0], [7, 1]),
  signQuantize: () => both((x) => signQuantize({ x: x as Tensor2D }, { scale: 1 })[0], [7, 3]),
  rotateRowsTo: () => both((x, q) => rotateRowsTo(x as Tensor2D, q as Tensor2D, 100), [7, 5], [7, 5]),
  'encoding, decoding and counting': () => [
    ...fsqEncode({ z: randomNormal([7, 1]) }, three),
    ...signEncode({ x: randomNormal([7, 3]) }, {}),
    fsqDecode(tensor1d([0, 2], 'int32'), three),
    signCodes(ids(), 2, { scale: 1 }),
    codeCounts(ids(), 4),
  ],
  bitEntropy: () =>
    both(
      (logits, weights) => {
        const inputs = {
          logits: logits as Tensor2D,
          sampleWeights: weights as Tensor1D,
          batchWeights: weights as Tensor1D,
        };
        return bitEntropy(inputs, { codebook: true })[1];
      },
      [5, 4],
      [5],
    ),
  adamWStep: () => {
    const [parameter, gradient, m, v] = [1, 2, 3, 4].map((seed) => randomNormal([33], 0, 1, 'float32', seed));
    const inputs = { parameter, gradient, m, v } as Parameters<typeof adamWStep>[0];
    return [
      ...adamWStep(inputs, { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step: 1 }),
    ];
  },
};

describe('a thousand calls leave tensors, buffers and the heap as they were', () => {
  for (const engine of ['wasm', 'wasm-threads'] as const) {
    for (const [name, run] of Object.entries(runs)) {
      it(`${name} on ${engine}`, async () => {
        await startEngine(engine);
        await init({ replaceTfjs: true });
        await expectNoLeaks(run);
      });
    }
  }
});
