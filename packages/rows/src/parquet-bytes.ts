// What needs nothing of Node.
export type { ParquetBytes } from './parquet.ts';
export { parquetRows } from './parquet.ts';
export { parquetBlocks } from './parquet-blocks.ts';
export type { RowFile, RowKeys, RowLayout } from './rows.ts';
