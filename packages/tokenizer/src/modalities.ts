import { add, clipByValue, mul, type Tensor } from '@tensorflow/tfjs-core';
import type { Architecture } from './architectures/architecture.ts';
import { requireIds, requireImages, requireVectorIds, requireVectors } from './check.ts';

/** What a tokenizer knows of its data beside their network. */
interface Modality {
  requireData(where: string, data: Tensor, channels: number, multiple: number): void;
  requireIds(where: string, ids: Tensor, idAxes: readonly number[]): void;
  /** What is done with the decoder's output in use, but not in training. */
  finish(output: Tensor): Tensor;
}

export const MODALITIES: Readonly<Record<Architecture['modality'], Modality>> = {
  images: {
    requireData: requireImages,
    requireIds,
    // To [-1, 1]; NaN stays, which the clamp of the wasm engine takes for -1.
    finish: (images) => add(clipByValue(images, -1, 1), mul(images, 0)),
  },
  vectors: { requireData: requireVectors, requireIds: requireVectorIds, finish: (vectors) => vectors },
};
