export type { Collisions } from './collisions.ts';
export { findCollisions } from './collisions.ts';
export type { RowIdBlock, RowIdFile, RowIdLayout } from './row-ids.ts';
export { openRowIds, requireWritableRowIds, writeRowIds } from './row-ids.ts';
export type { TokenNotes, Tokens } from './token-file.ts';
export { readTokens, requireTokenFile, writeTokens } from './token-file.ts';
