import type { backend_util } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@vqkit/core-tensor';

export type ConvInfo = backend_util.Conv2DInfo;

/** tfjs-backend-wasm has no channels-first convolutions either. */
export function requireChannelsLast(where: string, dataFormat: string): void {
  if (dataFormat !== 'NHWC') {
    throw new UnsupportedError(
      `${where}: dataFormat must be 'NHWC' on the wasm engine, got '${dataFormat}'. Transpose to channels last.`,
    );
  }
}
