import type { SafeDtype } from '@vqkit/checkpoint';

/** A tensor of a file before it is read. */
export interface TensorInfo {
  readonly dtype: SafeDtype;
  readonly shape: readonly number[];
}

/** What the reader of one format gives; `openWeights` adds the rest. */
export interface OpenFile {
  /** Its tensors by name; where dictionaries nest, the names of all levels joined by dots. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readBytes(name: string): Promise<Uint8Array>;
}
