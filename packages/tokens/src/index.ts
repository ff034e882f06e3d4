export type { TokenNotes, Tokens } from './token-file.ts';
export { readTokens, requireTokenFile, writeTokens } from './token-file.ts';
