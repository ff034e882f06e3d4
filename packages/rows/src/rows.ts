import { DataError, phrase, show } from '@vqkit/core-tensor';

/** Where the keys of rows stand in what is written, and may stand in what is read. */
export const KEY_COLUMN = 'key';

/** What tells rows apart: integers, or texts. */
export type RowKeys = BigInt64Array | readonly string[];

/** Some rows of a file. */
export interface RowBlock {
  /** Row-major, [rows, width], in the type that `dtype` of the file says. */
  readonly values: ArrayLike<number | bigint>;
  /** One per row; the row's number, counted from 0, in a file without keys. */
  readonly keys: RowKeys;
}

/** A matrix in a file that is read in blocks. */
export interface RowFile {
  readonly count: number;
  /** Values of a row. */
  readonly width: number;
  /** How the file holds the values, by the names of safetensors: `F16` are bits, whatever parquet has are numbers. */
  readonly dtype: string;
  /** Name of the tensor or the column; none in .npy. */
  readonly column?: string;
  /** Of what the keys are. */
  readonly keys: 'row numbers' | 'integers' | 'texts';
  /** Rows from `from` up to `to`. */
  read(from: number, to: number): Promise<RowBlock>;
}

export interface RowOptions {
  /** The tensor or the column of the values. Default the only one that can be meant. */
  readonly column?: string | undefined;
  /** The tensor or the column of the keys. Default `key`, where there is one of integers or texts. */
  readonly keyColumn?: string | undefined;
}

/** What a file of rows is to hold; how many rows and which keys is known before the first is written. */
export interface RowLayout {
  /** Name of the tensor or the column. */
  readonly column: string;
  readonly dtype: 'F32' | 'I32';
  readonly count: number;
  readonly width: number;
  readonly keys: RowFile['keys'];
  /** What a row is the values of, such as [rows, columns]: parquet's column `shape`. */
  readonly shape?: readonly number[];
  /** Notes of a safetensors file. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Numbers of the rows from `from` up to `to`, as keys. */
export function rowNumbers(from: number, to: number): BigInt64Array {
  return BigInt64Array.from({ length: to - from }, (_, i) => BigInt(from + i));
}

/** @throws DataError for a value that is no integer of 64 bits. */
export function integerKey(where: string, value: unknown, row: number): bigint {
  const key = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
  if (key !== undefined && BigInt.asIntN(64, key) === key) return key;
  const got = phrase(`${show(value)} in row ${row}`, value);
  throw new DataError(where, 'keys', 'be integers of 64 bits', got, 'Write texts instead.');
}
