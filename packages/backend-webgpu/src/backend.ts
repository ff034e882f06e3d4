import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { type BackendValues, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@vqkit/core-tensor';
import { DeviceError, DeviceLostError, DeviceMemoryError } from './errors.ts';

/**
 * tfjs's WebGPU engine, except that what goes wrong on the device is thrown: tfjs leaves it to the console and goes on with zeros.
 *
 * WebGPU reports errors later than the call that made them, so that they are thrown by the next read; the loss of the device also by
 * the next operation.
 */
export class DeviceBackend extends WebGPUBackend {
  private readonly failures: DeviceError[] = [];
  private lost: DeviceLostError | undefined;

  constructor(device: GPUDevice, info: GPUAdapterInfo | undefined) {
    super(device, info);
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.failures.push(describe((event as GPUUncapturedErrorEvent).error));
    });
    void device.lost.then(({ reason, message }) => {
      this.lost = lostError(reason, message);
    });
  }

  /** Whether the device can still be used. */
  get alive(): boolean {
    return this.lost === undefined;
  }

  /** tfjs would run operations on small tensors that are not on the device yet on its cpu engine, in another arithmetic. */
  override shouldExecuteOnCPU(): boolean {
    return false;
  }

  override runWebGPUProgram(...args: Parameters<WebGPUBackend['runWebGPUProgram']>): TensorInfo {
    this.requireDevice();
    return super.runWebGPUProgram(...args);
  }

  override async read(dataId: object): Promise<BackendValues> {
    this.requireDevice();
    const data = this.tensorMap.get(dataId);
    if (data.values != null || data.complexTensorInfos != null) return super.read(dataId);
    let bytes: ArrayBuffer;
    try {
      bytes = await this.getBufferData(data.resource as GPUBuffer);
    } catch (error) {
      // The promise that says that the device is lost may settle after the one that failed because of it.
      await new Promise((resolve) => setTimeout(resolve));
      this.requireDevice();
      throw this.failures.shift() ?? error;
    }
    this.requireDevice();
    const [failure] = this.failures.splice(0);
    if (failure !== undefined) throw failure;
    const values = util.convertBackendValuesAndArrayBuffer(bytes, data.dtype as 'float32');
    // The tensor may have been disposed by now; tfjs would look it up on other engines.
    if (this.tensorMap.has(dataId)) data.values = values;
    return values;
  }

  override readSync(dataId: object): BackendValues {
    const { values, complexTensorInfos } = this.tensorMap.get(dataId);
    if (values != null || complexTensorInfos != null) return super.readSync(dataId);
    this.requireDevice();
    if (typeof OffscreenCanvas === 'undefined') {
      throw new UnsupportedError(
        'webgpu: this tensor is on the device and cannot be read synchronously here, which dataSync, arraySync and its use on another engine ask for. Call await tensor.data() first.',
      );
    }
    return super.readSync(dataId);
  }

  /** @throws DeviceLostError when the device is gone. */
  requireDevice(): void {
    if (this.lost !== undefined) throw this.lost;
  }
}

function lostError(reason: string, message: string): DeviceLostError {
  const why = reason === 'destroyed' ? 'it was destroyed' : message.trim() || 'the driver gave no reason';
  return new DeviceLostError(
    `webgpu: the device is lost (${why}), and its tensors with it. Call init() again for a new one, and load the state of your quantizers there.`,
  );
}

function describe(error: GPUError): DeviceError {
  const [message = ''] = error.message.split('\n');
  if (error.constructor.name === 'GPUOutOfMemoryError') {
    return new DeviceMemoryError(
      `webgpu: the device is out of memory (${message}). Use smaller batches, or dispose tensors that are not needed.`,
    );
  }
  if (/exceeds the max buffer size|larger than the maximum (storage )?buffer/i.test(error.message)) {
    return new DeviceMemoryError(
      `webgpu: a tensor is larger than a buffer of this device may be (${message}). Use smaller batches.`,
    );
  }
  if (/invalid due to a previous error/i.test(error.message)) {
    return new DeviceError(
      'webgpu: an earlier failure of the device took the results of the commands beside it along. Compute them again.',
    );
  }
  return new DeviceError(`webgpu: the device refused a command (${message}). Please report this with your program.`);
}
