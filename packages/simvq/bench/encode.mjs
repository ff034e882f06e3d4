// Encoding of N = 16,384 tokens with K = 8,192 codes of 32 dimensions on the wasm engine, and its parts. Times are the minimum of
// some repetitions after a warm-up, in milliseconds. Run on the built packages: node bench/encode.mjs [frozenCodebookDim]

import * as tf from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { createRng } from '@vqkit/core-tensor';
import { createSimVq } from '../dist/index.js';

const [n, k, dim] = [16_384, 8_192, 32];
const frozenCodebookDim = Number(process.argv[2] ?? dim);
const repetitions = 7;

console.log(await init());
const simvq = createSimVq({ dim, codebookSize: k, frozenCodebookDim });
const x = tf.tensor(createRng(1).normalArray(n * dim, 1), [n, dim]);

/** @param {string} name @param {() => import('@tensorflow/tfjs-core').Tensor} f */
async function time(name, f) {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= repetitions; i++) {
    const start = performance.now();
    const y = tf.tidy(f);
    await y.data();
    if (i > 0) best = Math.min(best, performance.now() - start);
    y.dispose();
  }
  console.log(`${name.padEnd(44)} ${best.toFixed(1).padStart(8)} ms`);
  return best;
}

console.log(`N = ${n}, K = ${k}, dim = ${dim}, frozenCodebookDim = ${frozenCodebookDim}`);
const encode = await time('encode', () => simvq.encode(x));
console.log(
  `${''.padEnd(44)} ${((2 * n * k * Math.min(frozenCodebookDim, dim)) / encode / 1e6).toFixed(1).padStart(8)} GFLOP/s`,
);
const indices = simvq.encode(x);
await time('decode', () => simvq.decode(indices));
await time('quantize', () => simvq.quantize(x).quantized);
await time('quantize, training, with gradients', () => {
  const { value, grads } = tf.variableGrads(() => {
    const { quantized, loss } = simvq.quantize(x, { training: true });
    return tf.add(tf.mean(quantized), loss);
  }, Object.values(simvq.variables()));
  tf.dispose(grads);
  return value;
});
const w = Object.values(simvq.variables())[0];
await time('encode after a change of the weights', () => {
  w.assign(w.clone());
  return simvq.encode(x);
});
