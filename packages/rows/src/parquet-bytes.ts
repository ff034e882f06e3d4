// What needs nothing of Node.
export type { ParquetBytes, ParquetLists } from './parquet.ts';
export { parquetLists, parquetRows } from './parquet.ts';
export type { ListBlock, ListLayout } from './parquet-blocks.ts';
export { parquetBlocks, parquetListBlocks } from './parquet-blocks.ts';
export type { RowFile, RowKeys, RowLayout } from './rows.ts';
