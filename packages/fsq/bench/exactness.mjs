// FSQ on 10^8 random float32: how many levels of the wasm kernel differ from the definition (the number of thresholds reached), and how
// many the reference library's float32 chain decides otherwise. Half of the values are any bit pattern (NaN and infinities too), half are
// uniform in [-3, 3], where latents lie. Run on the built packages: node bench/exactness.mjs [values]

import * as tf from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createFsqCodec } from '../dist/codec.js';
import { createFsq, fsqThresholds } from '../dist/index.js';
import { referenceLevel } from './reference-chain.mjs';

/** @import { Bound } from './reference-chain.mjs' */

const total = Number(process.argv[2] ?? 1e8);
const LEVELS = [3, 4, 5, 6, 7, 8, 9, 16];
const ROWS = 2 ** 16;

await init();
const kernels = await loadKernels();
let seed = 1;
/** 32 random bits (xorshift32). */
const bits = () => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed;
};

const values = new Float32Array(ROWS * LEVELS.length);
const words = new Int32Array(values.buffer);
/** @type {Record<string, () => void>} */
const sources = {
  'any bit pattern': () => {
    for (let i = 0; i < words.length; i++) words[i] = bits();
  },
  'uniform in [-3, 3]': () => {
    for (let i = 0; i < values.length; i++) values[i] = (bits() / 2 ** 31) * 3;
  },
};

/** @param {readonly number[]} thresholds @param {number} z */
function levelOf(thresholds, z) {
  let level = 0;
  for (const threshold of thresholds) if (z >= threshold) level++;
  return level;
}

const rounds = Math.ceil(total / (8 * values.length));
for (const preserveSymmetry of [false, true]) {
  for (const boundHardClamp of [false, true]) {
    /** @type {Bound} */
    const bound = { preserveSymmetry, boundHardClamp };
    const fsq = createFsq({ levels: LEVELS, ...bound });
    const codec = createFsqCodec({ levels: LEVELS, ...bound }, { kernels });
    const thresholds = fsqThresholds(LEVELS, bound);
    for (const [source, fill] of Object.entries(sources)) {
      let [wrong, wrongCodec, reference] = [0, 0, 0];
      for (let round = 0; round < rounds; round++) {
        fill();
        const z = tf.tensor(values, [ROWS, LEVELS.length]);
        const indices = fsq.encode(z);
        const [tensors, plain] = [await indices.data(), codec.encode(values)];
        tf.dispose([z, indices]);
        for (let row = 0, k = 0; row < ROWS; row++) {
          let [rest, restCodec] = [Number(tensors[row]), Number(plain[row])];
          for (const [i, count] of LEVELS.entries()) {
            const value = Number(values[k++]);
            const level = levelOf(/** @type {number[]} */ (thresholds[i]), value);
            if (rest % count !== level) wrong++;
            if (restCodec % count !== level) wrongCodec++;
            rest = Math.floor(rest / count);
            restCodec = Math.floor(restCodec / count);
            // What the reference makes of NaN is no level.
            if (!Number.isNaN(value) && referenceLevel(value, count, bound) !== level) reference++;
          }
        }
      }
      const tested = rounds * values.length;
      console.log(
        `preserveSymmetry ${preserveSymmetry}, boundHardClamp ${boundHardClamp}, ${source}: ${tested} values, ${wrong} differ from the definition, ${wrongCodec} in the codec with kernels, ${reference} in the reference's float32 chain`,
      );
    }
    fsq.dispose();
  }
}
