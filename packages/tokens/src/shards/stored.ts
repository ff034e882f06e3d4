import type { RowKeys } from '@vqkit/rows/parquet-bytes';
import type { ShardManifest } from './manifest.ts';

/** Values of consecutive examples: their ids, or their packed bytes. */
export interface StoredPart {
  readonly values: Int32Array | Uint8Array;
  readonly keys: RowKeys;
}

/** What a file is to hold. */
export interface StoredLayout {
  readonly count: number;
  /** Shape of an example's values. */
  readonly shape: readonly number[];
  readonly dtype: 'I32' | 'U8';
  readonly keys: ShardManifest['keys'];
  /** What the names of a tar file's members begin with, so that no two shards have the same. */
  readonly prefix: string;
  /** Notes of a safetensors file. */
  readonly notes: Readonly<Record<string, string>>;
}

/** What a file holds; keys where it has them. */
export interface Stored {
  readonly values: Int32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly keys?: RowKeys;
}
