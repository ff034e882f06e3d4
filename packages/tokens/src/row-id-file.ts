import type { RowFile, RowKeys } from '@vqkit/rows';

/** The ids of some rows. */
export interface RowIdBlock {
  /** [rows, columns], row-major. */
  readonly values: Int32Array;
  /** One per row. */
  readonly keys: RowKeys;
}

/** Ids of rows in a file. */
export interface RowIdFile {
  readonly count: number;
  readonly columns: number;
  /** What the ids of a row are: [columns] of a vector, [rows, columns] of a picture, and the codebooks of a token where it has several. */
  readonly tokenShape: readonly number[];
  readonly keys: RowFile['keys'];
  read(from: number, to: number): Promise<RowIdBlock>;
}
