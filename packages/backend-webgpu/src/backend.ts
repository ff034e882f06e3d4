import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { type BackendValues, env, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { phrase, UnsupportedError } from '@vqkit/core-tensor';
import { DeviceError, DeviceLostError, DeviceMemoryError } from './errors.ts';
import { tooLarge } from './guard.ts';

/** Bytes of the buffer through which small tensors reach the device, and of a tensor that counts as small. */
const ARENA = 2 ** 20;
const SMALL = 2 ** 16;

/** What tfjs's engine records commands with, which TypeScript takes for private. */
interface Recorder {
  readonly commandEncoder: GPUCommandEncoder;
  /** Dispatches since the last submission. */
  dispatchCountInPass: number;
  /** Buffers that are free again after the submission: the queue writes to them at once, not in the order of the commands. */
  readonly uniformPendingDisposal: GPUBuffer[];
}

/**
 * tfjs's WebGPU engine, except that what goes wrong on the device is thrown: tfjs leaves it to the console and goes on with zeros.
 *
 * WebGPU reports errors later than the call that made them, so that they are thrown by the next read; the loss of the device also by
 * the next operation.
 */
export class DeviceBackend extends WebGPUBackend {
  private readonly failures: DeviceError[] = [];
  private lost: DeviceLostError | undefined;
  private arena: GPUBuffer | undefined;
  /** Bytes of the arena that recorded commands will read. */
  private arenaUsed = 0;
  private readonly kept = new Map<
    object,
    { readonly sources: readonly TensorInfo[]; readonly made: readonly TensorInfo[] }
  >();

  /** The data that running kernels have made; undefined where none runs. */
  private made: object[] | undefined;
  /** Bytes of a tensor at most: it is one buffer. */
  readonly maxTensorBytes: number;

  constructor(device: GPUDevice, info: GPUAdapterInfo | undefined) {
    super(device, info);
    const { maxBufferSize } = device.limits;
    this.maxTensorBytes = maxBufferSize;
    // The one door to memory for tfjs's kernels and for ours.
    const acquire = this.bufferManager.acquireBuffer.bind(this.bufferManager);
    this.bufferManager.acquireBuffer = (size, ...how) => {
      if (size > maxBufferSize) {
        throw tooLarge('the bytes of a tensor', 'maxBufferSize', maxBufferSize, size, 'Use smaller batches.');
      }
      return acquire(size, ...how);
    };
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

  /**
   * Small tensors go through one buffer that the queue writes to. tfjs maps a new buffer for each and throws it away, which costs a driver up
   * to a millisecond; and each number that a tensor is multiplied by is such a tensor.
   */
  override uploadToGPU(dataId: object): void {
    const data = this.tensorMap.get(dataId);
    const { values, dtype, shape } = data;
    const bytes = 4 * util.sizeFromShape(shape);
    if (data.resource != null || values == null || bytes === 0 || bytes > SMALL || dtype === 'string') {
      super.uploadToGPU(dataId);
      return;
    }
    if (this.arenaUsed + bytes > ARENA) this.submitQueue();
    this.arena ??= this.device.createBuffer({ size: ARENA, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
    const numbers = values as ArrayLike<number>;
    const words = dtype === 'float32' ? Float32Array.from(numbers) : Int32Array.from(numbers);
    this.queue.writeBuffer(this.arena, this.arenaUsed, words);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.bufferManager.acquireBuffer(bytes, usage);
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    (this as unknown as Recorder).commandEncoder.copyBufferToBuffer(this.arena, this.arenaUsed, buffer, 0, bytes);
    this.arenaUsed += bytes;
    data.values = null as unknown as BackendValues;
    data.resource = buffer;
  }

  /**
   * What is made of the data of tensors alone: once, and kept as long as the first of these has its data, since nothing is ever written to them.
   * One such thing is kept for each first tensor.
   */
  keptFor<T extends readonly TensorInfo[]>(sources: readonly TensorInfo[], make: () => T): T {
    const owner = sources[0]?.dataId as object;
    const known = this.kept.get(owner);
    if (known !== undefined && areSame(known.sources, sources)) return known.made as T;
    this.forget(owner);
    // Not of the kernel that runs: it stays when that throws.
    const ofKernel = this.made;
    this.made = undefined;
    let made: T;
    try {
      made = this.withoutLeaks(make);
    } finally {
      this.made = ofKernel;
    }
    this.kept.set(owner, { sources: sources.map(({ dataId, shape, dtype }) => ({ dataId, shape, dtype })), made });
    return made;
  }

  private forget(owner: object): void {
    const made = this.kept.get(owner)?.made ?? [];
    this.kept.delete(owner);
    for (const { dataId } of made) super.disposeData(dataId);
  }

  override disposeData(dataId: object, force?: boolean): boolean {
    const gone = super.disposeData(dataId, force);
    if (gone) this.forget(dataId);
    return gone;
  }

  override submitQueue(): void {
    super.submitQueue();
    this.arenaUsed = 0;
  }

  override dispose(): void {
    this.arena?.destroy();
    super.dispose();
  }

  override runWebGPUProgram(...args: Parameters<WebGPUBackend['runWebGPUProgram']>): TensorInfo {
    this.requireDevice();
    const [program, inputs] = args;
    this.requireRoom(program.outputShape);
    for (const { shape } of inputs) this.requireRoom(shape);
    this.requireGroups(program);
    return super.runWebGPUProgram(...args);
  }

  /** tfjs's kernels see a tensor as one binding. */
  private requireRoom(shape: readonly number[]): void {
    const bytes = 4 * util.sizeFromShape([...shape]);
    const { maxBufferSize, maxStorageBufferBindingSize: most } = this.device.limits;
    if (bytes <= Math.min(maxBufferSize, most)) return;
    const what = `the bytes of a tensor of shape [${shape}]`;
    if (bytes > maxBufferSize) throw tooLarge(what, 'maxBufferSize', maxBufferSize, bytes, 'Use smaller batches.');
    throw tooLarge(what, 'maxStorageBufferBindingSize', most, bytes, 'Use smaller batches.');
  }

  /** tfjs spreads the workgroups of a program along one axis over the others, and no more. */
  private requireGroups({ dispatch, dispatchLayout }: Parameters<WebGPUBackend['runWebGPUProgram']>[0]): void {
    const most = this.device.limits.maxComputeWorkgroupsPerDimension;
    if (dispatch.every((groups) => groups <= most)) return;
    const isSpread = dispatch[0] > most && dispatchLayout.y === undefined && dispatchLayout.z === undefined;
    if (isSpread && dispatch[0] <= most ** 3) return;
    const needed = phrase(dispatch.join(' × '), dispatch);
    throw tooLarge('the workgroups', 'maxComputeWorkgroupsPerDimension', most, needed, 'Use smaller batches.');
  }

  override write(...args: Parameters<WebGPUBackend['write']>): object {
    const dataId = super.write(...args);
    this.made?.push(dataId);
    return dataId;
  }

  /** Runs a kernel; where it throws, what it has made is disposed. */
  withoutLeaks<T>(kernel: () => T): T {
    const outer = this.made;
    const made: object[] = [];
    this.made = made;
    try {
      return kernel();
    } catch (error) {
      for (const dataId of made) this.disposeData(dataId, true);
      throw error;
    } finally {
      this.made = outer;
      outer?.push(...made);
    }
  }

  /**
   * Records a dispatch behind those of tfjs, and submits all of them when tfjs would: each submission costs more than a small dispatch.
   * Tensors may be disposed at once; their buffers are used again by later commands only.
   */
  dispatch(
    pipeline: GPUComputePipeline,
    bindings: GPUBindGroup,
    groups: readonly [number, number],
    label: string,
  ): void {
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    const recorder = this as unknown as Recorder;
    const pass = recorder.commandEncoder.beginComputePass({ label });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindings);
    pass.dispatchWorkgroups(...groups);
    pass.end();
    recorder.dispatchCountInPass++;
    if (recorder.dispatchCountInPass >= env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')) this.submitQueue();
  }

  /** A uniform buffer that holds these words for the next dispatch. */
  uniforms(words: ArrayBuffer): GPUBuffer {
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM;
    const buffer = this.bufferManager.acquireBuffer(words.byteLength, usage);
    this.queue.writeBuffer(buffer, 0, words);
    (this as unknown as Recorder).uniformPendingDisposal.push(buffer);
    return buffer;
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
        'webgpu',
        'a tensor',
        'be in memory to be read synchronously, as dataSync, arraySync and its use on another engine do',
        phrase('one on the device'),
        'Call await tensor.data() first.',
      );
    }
    return super.readSync(dataId);
  }

  /** @throws DeviceLostError when the device is gone. */
  requireDevice(): void {
    if (this.lost !== undefined) throw this.lost;
  }
}

/** The same data, seen in the same shape. */
function areSame(a: readonly TensorInfo[], b: readonly TensorInfo[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ dataId, shape }, i) => dataId === b[i]?.dataId && `${shape}` === `${b[i].shape}`)
  );
}

function lostError(reason: string, message: string): DeviceLostError {
  const why = reason === 'destroyed' ? 'it was destroyed' : message.trim() || 'the driver gave no reason';
  return new DeviceLostError(
    'webgpu',
    'the device',
    'be there',
    phrase(`a lost one (${why}), whose tensors are gone with it`, why),
    'Call init() again for a new one, and load the state of your quantizers there.',
  );
}

function describe(error: GPUError): DeviceError {
  const [message = ''] = error.message.split('\n');
  if (error.constructor.name === 'GPUOutOfMemoryError') {
    const fix = 'Use smaller batches, or dispose tensors that are not needed.';
    return new DeviceMemoryError('webgpu', 'the device', 'have memory left', phrase(`none (${message})`, message), fix);
  }
  if (/exceeds the max buffer size|larger than the maximum (storage )?buffer/i.test(error.message)) {
    const rule = 'fit into a buffer of this device';
    return new DeviceMemoryError('webgpu', 'a tensor', rule, phrase(message), 'Use smaller batches.');
  }
  if (/invalid due to a previous error/i.test(error.message)) {
    const got = phrase('those beside an earlier failure, which took them along');
    return new DeviceError('webgpu', 'the results', 'be whole', got, 'Compute them again.');
  }
  const fix = 'Please report this with your program.';
  return new DeviceError('webgpu', 'the device', 'take every command', phrase(`a refusal (${message})`, message), fix);
}
