// Whole files: those of make-corpus.mjs, and those that Python wrote.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, encodeSafetensors } from '../../packages/checkpoint/dist/index.js';

/** @typedef {{ name: string, bytes: Uint8Array }} Whole */

export const FIXTURES = fileURLToPath(new URL('fixtures/', import.meta.url));
export const CODECS = fileURLToPath(new URL('../../packages/codecs/test/fixtures/read/', import.meta.url));
export const MODELS = fileURLToPath(new URL('../../packages/codecs/test/fixtures/models/', import.meta.url));
export const ROWS = fileURLToPath(new URL('../../packages/rows/test/files/', import.meta.url));
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

/**
 * A small file of each published model that the codecs read without being told which.
 * @returns {Whole[]}
 */
export function modelFiles() {
  return files(/\.safetensors$/, MODELS).flatMap(({ name, bytes }) => {
    const own = Object.entries(decodeSafetensors(bytes).tensors).flatMap(([key, tensor]) => {
      const found = /^small\.0\/(?!golden)(.*)$/.exec(key);
      return found === null ? [] : [[found[1] ?? '', tensor]];
    });
    return name.startsWith('taming') ? [] : [{ name, bytes: encodeSafetensors(Object.fromEntries(own)) }];
  });
}
