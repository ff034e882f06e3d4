import type { backend_util } from '@tensorflow/tfjs-core';
import { phrase, UnsupportedError } from '@vqkit/core-tensor';

export type ConvInfo = backend_util.Conv2DInfo;

/** tfjs-backend-wasm has no channels-first convolutions either. */
export function requireChannelsLast(where: string, dataFormat: string): void {
  if (dataFormat !== 'NHWC') {
    throw new UnsupportedError(
      where,
      'dataFormat',
      "be 'NHWC' on the wasm engine",
      phrase(`'${dataFormat}'`),
      'Transpose to channels last.',
    );
  }
}
