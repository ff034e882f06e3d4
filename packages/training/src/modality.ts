import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { ImageQuality } from './records.ts';

/** Examples of one shape, of whatever kind, as training asks for them. */
export interface Examples {
  readonly count: number;
  /** Of one example: [height, width, channels] of a picture. */
  readonly shape: readonly number[];
  /** The examples at these positions, one after the other, as float32. */
  batch(positions: ArrayLike<number>): Float32Array;
}

/** How reconstructions are scored. */
export interface LossOptions {
  readonly loss: 'l1' | 'mse';
  /** Brings the output into the range of the data first. */
  readonly clampOutput: boolean;
}

/** Collects how close outputs are to their originals. */
export interface QualityMeter {
  /** Examples and reconstructions of the meter's shape, one after the other. */
  add(examples: Float32Array, reconstructions: Float32Array): void;
  report(): ImageQuality;
}

/**
 * What training must know of a kind of data: how examples become a tensor and back, and how a reconstruction is scored. How they are read
 * and shown is the harness's.
 */
export interface Modality {
  readonly name: string;
  /** [count, …shape], as the model's forward pass takes it. */
  toTensor(values: Float32Array, count: number, shape: readonly number[]): Tensor;
  /** An output in the range of the data, as a user gets it. */
  fromOutput(output: Tensor): Tensor;
  loss(output: Tensor, examples: Tensor, options: LossOptions): Scalar;
  createMeter(shape: readonly number[]): QualityMeter;
}
