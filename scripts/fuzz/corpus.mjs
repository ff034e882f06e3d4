// Whole files: those of make-corpus.mjs, and those that Python wrote.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ name: string, bytes: Uint8Array }} Whole */

export const FIXTURES = fileURLToPath(new URL('fixtures/', import.meta.url));
export const CODECS = fileURLToPath(new URL('../../packages/codecs/test/fixtures/read/', import.meta.url));
export const PYTHON = fileURLToPath(new URL('../../packages/testing/fixtures/python/', import.meta.url));

/**
 * @param {RegExp} names
 * @param {string} folder
 * @returns {Whole[]}
 */
export function files(names, folder = FIXTURES) {
  const found = readdirSync(folder).filter((name) => names.test(name));
  return found.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }));
}
