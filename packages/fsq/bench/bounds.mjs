// How many tokens of normal latents get another id under the bounds of published code than under the default. Run on the built package:
// node bench/bounds.mjs [tokens]

import { createFsqCodec } from '../dist/codec.js';

const tokens = Number(process.argv[2] ?? 1e6);
/** @type {[string, number[], 'official' | 's3Tokenizer'][]} */
const cases = [
  ['[8,5,5,5]', [8, 5, 5, 5], 'official'],
  ['[8,6,5]', [8, 6, 5], 'official'],
  ['[8,8,8,5,5,5]', [8, 8, 8, 5, 5, 5], 'official'],
  ['[5,5,5]', [5, 5, 5], 'official'],
  ['[4,4,4,4]', [4, 4, 4, 4], 'official'],
  ['[3,3,3,3,3,3,3,3]', [3, 3, 3, 3, 3, 3, 3, 3], 's3Tokenizer'],
];

let seed = 1;
/** Uniform in (0, 1) (xorshift32). */
const uniform = () => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return ((seed >>> 0) + 0.5) / 2 ** 32;
};
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

for (const [name, levels, bound] of cases) {
  const z = Float32Array.from({ length: tokens * levels.length }, normal);
  const [ours, theirs] = [createFsqCodec({ levels }).encode(z), createFsqCodec({ levels, bound }).encode(z)];
  const differ = ours.reduce((count, id, i) => count + Number(id !== theirs[i]), 0);
  console.log(`${name}, ${bound}: ${((100 * differ) / tokens).toFixed(2)} % of ${tokens} tokens`);
}
