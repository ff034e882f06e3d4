import type { Tensor } from '@tensorflow/tfjs-core';

/** What a tokenizer knows of its data beside their network: how examples become a tensor, and what is asked of that and of ids. */
export interface DataTensor {
  /** As a registry lists it, `images`. */
  readonly name: string;
  /** Of one example, of this size where examples have sizes. */
  exampleShape(channels: number, size: readonly number[]): number[];
  /** Examples of `shape`, one after the other, as the tensor that a tokenizer takes, [count, …shape]. */
  toTensor(values: Float32Array, count: number, shape: readonly number[]): Tensor;
  /** The decoder's output in the range of the data, as it is in use, but not in training. */
  fromOutput(output: Tensor): Tensor;
  /** Throws unless data are of this kind, with so many channels, and places in multiples of `multiple`. */
  requireData(where: string, data: Tensor, channels: number, multiple: number): void;
  requireIds(where: string, ids: Tensor, idAxes: readonly number[]): void;
}
