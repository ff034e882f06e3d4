import {
  add,
  backend,
  engine,
  fill,
  matMul,
  memory,
  ones,
  type Rank,
  sum,
  type Tensor,
  type Tensor1D,
  tile,
  unsortedSegmentSum,
  zeros,
} from '@tensorflow/tfjs-core';
import { codeCounts, gatherCodes, nearestCodeExact, signCodes, UnsupportedError } from '@vqkit/core-tensor';
import { engineMissing, expectSame } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DeviceBackend } from '../src/backend.ts';
import { init } from '../src/index.ts';

const missing = engineMissing('webgpu');
const WIDE = 4096;
const ids = (n: number): Tensor1D => zeros<Rank.R1>([n], 'int32');
const bytesInGpu = (): number => (memory() as unknown as { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU;

/** Calls that take little and give a row of 16 kB for each of `rows` tokens, or as many numbers. */
const calls: Record<string, (rows: number) => () => Tensor> = {
  Fill: (rows) => () => fill([rows, WIDE], 1),
  Add: (rows) => {
    const [a, b] = [zeros([rows, 1]), zeros([1, WIDE])];
    return () => add(a, b);
  },
  Tile: (rows) => {
    const x = zeros([1, WIDE]);
    return () => tile(x, [rows, 1]);
  },
  BatchMatMul: (rows) => {
    const [a, b] = [zeros<Rank.R2>([rows, 1]), zeros<Rank.R2>([1, WIDE])];
    return () => matMul(a, b);
  },
  Conv2DBackpropFilter: (rows) => {
    const [x, dy] = [zeros([1, 1, 1, rows]), zeros([1, 1, 1, WIDE])];
    const attrs = { strides: 1, pad: 'same', dataFormat: 'NHWC', filterShape: [1, 1, rows, WIDE] };
    return () => engine().runKernel('Conv2DBackpropFilter', { x, dy }, attrs as never);
  },
  UnsortedSegmentSum: (rows) => {
    const [x, segments] = [ones([3]), ids(3)];
    return () => unsortedSegmentSum(x, segments, rows * WIDE);
  },
  GatherCodes: (rows) => {
    const [codes, indices] = [zeros<Rank.R2>([2, WIDE]), ids(rows)];
    return () => gatherCodes(codes, indices);
  },
  SignDecode: (rows) => {
    const indices = ids(Math.ceil((rows * WIDE) / 31));
    return () => signCodes(indices, 31, { scale: 1 });
  },
  CodeCounts: (rows) => {
    const indices = ids(3);
    return () => codeCounts(indices, rows * WIDE);
  },
};

describe.skipIf(missing !== undefined)(missing === undefined ? 'limits' : `limits: skipped, ${missing}`, () => {
  beforeAll(async () => {
    await init();
  });

  /** Runs a call that must throw, and leave nothing. */
  function expectRefused(call: () => unknown, message: RegExp): void {
    const before = [memory().numTensors, engine().backend.numDataIds(), bytesInGpu()] as const;
    let error: unknown;
    try {
      call();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UnsupportedError);
    expect((error as Error).message).toMatch(message);
    expect([memory().numTensors, engine().backend.numDataIds()]).toEqual(before.slice(0, 2));
    expect(bytesInGpu() - before[2]).toBeLessThan(2 ** 21);
  }

  for (const [name, make] of Object.entries(calls)) {
    it(`${name} names a result that is larger than the device's tensors, and allocates nothing`, async () => {
      const { maxTensorBytes: most } = backend() as DeviceBackend;
      const call = make(Math.floor(most / 4 / WIDE) + 1);
      expectRefused(
        call,
        /^\w+: the bytes of a tensor.* must be at most \d+ on this device \((maxBufferSize|maxStorageBufferBindingSize)\), got \d+\. Use smaller batches\.$/,
      );
      await expectSame(sum(ones([5, 3]), 0), [5, 5, 5]);
    });
  }

  it('names more workgroups than a dispatch has', () => {
    const { maxComputeWorkgroupsPerDimension: most } = (backend() as DeviceBackend).device.limits;
    const [a, b] = [zeros<Rank.R2>([64 * most, 1]), zeros<Rank.R2>([1, 1])];
    expectRefused(
      () => matMul(a, b),
      new RegExp(
        `^BatchMatMul: the workgroups must be at most ${most} on this device \\(maxComputeWorkgroupsPerDimension\\), got .*\\. Use smaller batches\\.$`,
      ),
    );
  });

  it('names a codebook that a search cannot see at once, and keeps nothing of it', async () => {
    const [x, codes] = [zeros<Rank.R2>([3, 1]), zeros<Rank.R2>([16_000, 1])];
    await init({ limits: { maxStorageBufferBindingSize: 65_536 } });
    for (let i = 0; i < 2; i++) {
      expectRefused(
        () => nearestCodeExact({ x, codes }),
        /^\w+: the bytes that a kernel sees of a tensor at once must be at most 65536 on this device \(maxStorageBufferBindingSize\), got \d+\. Use fewer or narrower rows\.$/,
      );
    }
    await init();
    await expectSame(nearestCodeExact({ x, codes }), [0, 0, 0]);
  });
});
