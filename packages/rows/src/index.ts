export { isRowFile, openRows, requireRowFile } from './open-rows.ts';
export type { RowBlock, RowFile, RowKeys, RowLayout, RowOptions } from './rows.ts';
export { KEY_COLUMN } from './rows.ts';
export { requireWritableRows, writeRows } from './write-rows.ts';
