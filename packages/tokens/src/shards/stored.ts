import type { RowKeys } from '@vqkit/rows/parquet-bytes';
import type { SoundParts } from './frames.ts';
import type { ShardManifest } from './manifest.ts';

/** Values of consecutive examples: their ids, or their packed bytes. */
export interface StoredPart {
  readonly values: Int32Array | Uint8Array;
  readonly keys: RowKeys;
  /** Of recordings: how many rows of values each has. */
  readonly sounds?: SoundParts | undefined;
}

/** What a file is to hold. */
export interface StoredLayout {
  readonly count: number;
  /** Shape of an example's values; of a recording, of each of its rows. */
  readonly shape: readonly number[];
  readonly dtype: 'I32' | 'U8';
  readonly keys: ShardManifest['keys'];
  /** What the names of a tar file's members begin with, so that no two shards have the same. */
  readonly prefix: string;
  /** Notes of a safetensors file. */
  readonly notes: Readonly<Record<string, string>>;
  /** Of recordings: the rows of values of all, and the frame at which each begins, and the last ends. */
  readonly sounds?: { readonly rows: number; readonly offsets: readonly number[] } | undefined;
}

/** What is known of a file before it is read, so that no more is believed. */
export interface StoredFacts {
  readonly examples: number;
  /** Ids of an example; of a recording, of a frame. */
  readonly width: number;
  readonly sounds?: SoundParts | undefined;
}

/** What a file holds; keys where it has them. */
export interface Stored {
  readonly values: Int32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly keys?: RowKeys;
}
