import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { DataTensor } from '@vqkit/tokenizer';
import type { Discriminator, DiscriminatorOptions } from './discriminators/discriminator.ts';
import type { Quality } from './records.ts';

/** Examples of one shape, of whatever kind, as training asks for them. */
export interface Examples {
  readonly count: number;
  /** Of one example: [height, width, channels] of a picture, [dim] of a vector. */
  readonly shape: readonly number[];
  /** Neighbours that are drawn together into a batch, where examples are read from a file that is not held. Default 1. */
  readonly together?: number | undefined;
  /** Batches that are asked for before they are needed, where examples are read from files. Default none. */
  readonly readAhead?: number | undefined;
  /**
   * The examples at these positions, one after the other, as float32; what cannot be read is left out.
   * @param draw number of the batch in a training, for examples that differ each time.
   */
  batch(positions: ArrayLike<number>, draw?: number): Float32Array | Promise<Float32Array>;
}

/** How reconstructions are scored. */
export interface LossOptions {
  readonly loss: 'l1' | 'mse' | 'l1+mse';
  /** Of images: weight of 1 - MS-SSIM, added to the loss. Default 0. */
  readonly ssimWeight?: number | undefined;
  /** Of images: weight of the mean absolute difference of the gradients, added to the loss. Default 0. */
  readonly gradientWeight?: number | undefined;
  /** Brings the output into the range of the data first. Default false. */
  readonly clampOutput?: boolean | undefined;
}

/** Collects how close outputs are to their originals. */
export interface QualityMeter<Measured extends Quality = Quality> {
  /** Examples and reconstructions of the meter's shape, one after the other. */
  add(examples: Float32Array, reconstructions: Float32Array): void | Promise<void>;
  report(): Measured;
}

/**
 * What training must know of a kind of data: how examples become a tensor and back, which the tokenizer says, and how a reconstruction is
 * scored. How they are read and shown is the harness's.
 */
export interface Modality extends Pick<DataTensor, 'name' | 'toTensor' | 'fromOutput'> {
  loss(output: Tensor, examples: Tensor, options: LossOptions): Scalar;
  createMeter(shape: readonly number[]): QualityMeter;
  /**
   * A network that learns to tell originals from reconstructions; missing where there is none for the kind of data.
   * @throws ShapeError for examples that are too small for it.
   */
  createDiscriminator?(options: DiscriminatorOptions): Discriminator;
}
