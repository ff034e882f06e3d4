import { add, backend, fill, ones, tensor1d } from '@tensorflow/tfjs-core';
import { QuantizerError, signQuantize, UnsupportedError } from '@vqkit/core-tensor';
import { engineMissing, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import type { DeviceBackend } from '../src/backend.ts';
import { DeviceError, DeviceLostError, DeviceMemoryError, init } from '../src/index.ts';

const missing = engineMissing('webgpu');

async function failureOf(reading: Promise<unknown>): Promise<unknown> {
  return reading.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.skipIf(missing !== undefined)(missing === undefined ? 'a device' : `a device: skipped, ${missing}`, () => {
  it('that is lost says so in every operation and read, and a new init() works', async () => {
    await init();
    const x = ones([4, 3]);
    const y = add(x, x);
    (backend() as DeviceBackend).device.destroy();
    const failure = await failureOf(y.data());
    expect(failure).toBeInstanceOf(DeviceLostError);
    expect(failure).toBeInstanceOf(QuantizerError);
    expect((failure as Error).name).toBe('DeviceLostError');
    expect((failure as Error).message).toBe(
      'webgpu: the device must be there, got a lost one (it was destroyed), whose tensors are gone with it. Call init() again for a new one, and load the state of your quantizers there.',
    );
    expect(() => add(x, x)).toThrow(DeviceLostError);
    expect(() => signQuantize({ x: x as never }, { scale: 1 })).toThrow(DeviceLostError);

    await init();
    await expectSame(add(ones([3]), ones([3])), [2, 2, 2]);
    const [, indices] = signQuantize({ x: fill([2, 3], 1) }, { scale: 1 });
    await expectSame(indices, [7, 7]);
    // Tensors of the lost device are still on it.
    expect(await failureOf(y.data())).toBeInstanceOf(DeviceLostError);
  });

  it('that is lost during a read says so too', async () => {
    await init();
    const reading = failureOf(add(ones([1000]), ones([1000])).data());
    (backend() as DeviceBackend).device.destroy();
    expect(await reading).toBeInstanceOf(DeviceLostError);
    await init();
  });

  it('whose buffers are too small for a tensor says so at once, and goes on', async () => {
    await init();
    const { maxBufferSize } = (backend() as DeviceBackend).device.limits;
    const beside = add(tensor1d([1, 2]), tensor1d([1, 2]));
    expect(() => fill([maxBufferSize / 4 + 64], 1)).toThrow(UnsupportedError);
    await expectSame(beside, [2, 4]);
  });

  it('that others ask for a buffer that is too large says so at the next read', async () => {
    await init();
    const { device } = backend() as DeviceBackend;
    device.createBuffer({ size: device.limits.maxBufferSize + 256, usage: GPUBufferUsage.STORAGE });
    const failure = await failureOf(add(ones([3]), ones([3])).data());
    expect(failure).toBeInstanceOf(DeviceMemoryError);
    expect((failure as Error).message).toContain('webgpu: a tensor must fit into a buffer of this device');
    await expectSame(add(tensor1d([1, 2]), tensor1d([1, 2])), [2, 4]);
  });

  it('that runs out of memory or refuses a command says so at the next read', async () => {
    await init();
    const { device } = backend() as DeviceBackend;
    const { GPUOutOfMemoryError, GPUValidationError, GPUUncapturedErrorEvent } = globalThis as unknown as Record<
      string,
      new (
        ...args: unknown[]
      ) => Event
    >;
    const report = (error: unknown): void => {
      const Made = GPUUncapturedErrorEvent as new (...args: unknown[]) => Event;
      device.dispatchEvent(new Made('uncapturederror', { error, cancelable: true }));
    };
    report(new (GPUOutOfMemoryError as new (message: string) => unknown)('no memory for a buffer'));
    const outOfMemory = await failureOf(add(ones([2]), ones([2])).data());
    expect(outOfMemory).toBeInstanceOf(DeviceMemoryError);
    expect((outOfMemory as Error).message).toBe(
      'webgpu: the device must have memory left, got none (no memory for a buffer). Use smaller batches, or dispose tensors that are not needed.',
    );
    report(new (GPUValidationError as new (message: string) => unknown)('not valid'));
    expect(await failureOf(add(ones([2]), ones([2])).data())).toBeInstanceOf(DeviceError);
    await expectSame(add(ones([2]), ones([2])), [2, 2]);
  });

  it('does not read synchronously in Node', async () => {
    await init();
    const x = add(ones([2]), ones([2]));
    const reading = (): unknown => (backend() as DeviceBackend).readSync(x.dataId);
    expect(reading).toThrow('webgpu: a tensor must be in memory to be read synchronously');
    await x.data();
    expect(reading()).toEqual(Float32Array.of(2, 2));
  });

  it('lets a tensor be disposed while it is read', async () => {
    await init();
    const x = add(ones([2]), ones([2]));
    const reading = x.data();
    x.dispose();
    expect(await reading).toEqual(Float32Array.of(2, 2));
  });
});
