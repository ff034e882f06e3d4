import { QuantizerError } from '@vqkit/core-tensor';

/** The GPU refused a command, or cannot go on. Base of {@link DeviceLostError} and {@link DeviceMemoryError}. */
export class DeviceError extends QuantizerError {
  override name = 'DeviceError';
}

/** The device is gone: the driver restarted, the GPU was unplugged, or somebody called `device.destroy()`. Its tensors are gone with it. */
export class DeviceLostError extends DeviceError {
  override name = 'DeviceLostError';
}

/** The GPU has no memory left for a buffer. */
export class DeviceMemoryError extends DeviceError {
  override name = 'DeviceMemoryError';
}
