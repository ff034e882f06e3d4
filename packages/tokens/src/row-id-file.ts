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
  readonly keys: RowFile['keys'];
  read(from: number, to: number): Promise<RowIdBlock>;
}
