// Whole files: those of make-corpus.mjs, and those that Python wrote.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, encodeSafetensors } from '../../packages/checkpoint/dist/index.js';

/** @typedef {{ name: string, bytes: Uint8Array, options?: import('../../packages/codecs/dist/index.js').LoadCodecOptions }} Whole */

export const FIXTURES = fileURLToPath(new URL('fixtures/', import.meta.url));
export const CODECS = fileURLToPath(new URL('../../packages/codecs/test/fixtures/read/', import.meta.url));
export const ONNX = fileURLToPath(new URL('../../packages/codecs/test/fixtures/onnx/', import.meta.url));
export const MODELS = fileURLToPath(new URL('../../packages/codecs/test/fixtures/models/', import.meta.url));
export const ROWS = fileURLToPath(new URL('../../packages/rows/test/files/', import.meta.url));
export const SOUNDS = fileURLToPath(new URL('../../packages/data/test/sounds/', import.meta.url));
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

/** Models that keys alone do not tell. */
const NAMED = ['taming-vqgan', 'maskgit', 'titok', 'ibq', 'open-magvit2', 'cosmos'];

/**
 * A small file of each published model, and what must be said of it.
 * @returns {Whole[]}
 */
export function modelFiles() {
  return files(/\.safetensors$/, MODELS).map(({ name, bytes }) => {
    /** @type {Record<string, import('../../packages/checkpoint/dist/index.js').SafeTensor>} */
    const own = {};
    let options = {};
    for (const [key, tensor] of Object.entries(decodeSafetensors(bytes).tensors)) {
      const [, golden, rest = ''] = /^small\.0\/(golden\.)?(.*)$/.exec(key) ?? [];
      if (rest !== '' && golden === undefined) own[rest] = tensor;
      if (golden !== undefined && rest === 'scales') options = { scales: Array.from(tensor.data, Number) };
    }
    const model = name.replace('.safetensors', '');
    if (NAMED.includes(model)) options = { model };
    return { name, bytes: encodeSafetensors(own), options };
  });
}
