import '@tensorflow/tfjs-backend-cpu';
import {
  backend as activeBackend,
  type KernelFunc,
  setBackend,
  type TensorInfo,
  tensor2d,
} from '@tensorflow/tfjs-core';
import { expectSame, HARD_CODEBOOKS, hardSearch, nearestByFloat64 } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { nearestCodeExact } from '../src/kernels/nearest-code-exact.ts';

/** On the cpu engine, which has float32 operations as native TensorFlow has them: so the kernel is tested where that cannot be installed. */
describe('nearestCodeExact of native TensorFlow', () => {
  beforeAll(() => setBackend('cpu'));

  for (const kind of HARD_CODEBOOKS) {
    it(`finds float64's code, bit for bit: ${kind}`, async () => {
      for (const [i, sizes] of (
        [
          [3, 9, 1],
          [300, 200, 8],
          [400, 200, 8],
          [200, 90, 33],
        ] as const
      ).entries()) {
        const problem = hardSearch(kind, sizes, i);
        const [x, codes] = [problem.x, problem.codes].map((rows) => tensor2d(rows, [rows.length / sizes[2], sizes[2]]));
        const backend = activeBackend();
        const call = { inputs: { x, codes }, attrs: {}, backend } as unknown as Parameters<KernelFunc>[0];
        const { dataId } = nearestCodeExact(call) as TensorInfo;
        await expectSame(backend.readSync(dataId) as Int32Array, nearestByFloat64(problem));
      }
    });
  }

  it('takes no tokens', async () => {
    const [x, codes] = [tensor2d([], [0, 2]), tensor2d([[1, 2]])];
    const call = { inputs: { x, codes }, attrs: {}, backend: activeBackend() };
    expect((nearestCodeExact(call as unknown as Parameters<KernelFunc>[0]) as TensorInfo).shape).toEqual([0]);
  });
});
