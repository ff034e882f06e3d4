// What needs nothing of Node.
export { parquetRows } from './parquet.ts';
export type { ListBlock, ListLayout } from './parquet-blocks.ts';
export { parquetBlocks, parquetListBlocks } from './parquet-blocks.ts';
export type { ParquetBytes } from './parquet-file.ts';
export type { ParquetLists } from './parquet-lists.ts';
export { parquetLists } from './parquet-lists.ts';
export type { RowFile, RowKeys, RowLayout } from './rows.ts';
