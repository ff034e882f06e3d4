// Encoding of N = 16,384 tokens with K = 8,192 codes of 32 dimensions on the wasm engine, and its parts: the least wall-clock time
// and the least processor time (all threads; it says more on a busy machine) of some repetitions after a warm-up.
// Run on the built packages: node bench/encode.mjs [frozenCodebookDim] [threads]

import * as tf from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { createRng, mean } from '@vqkit/core-tensor';
import { createSimVq } from '../dist/index.js';

const [n, k, dim] = [16_384, 8_192, 32];
const frozenCodebookDim = Number(process.argv[2] ?? dim);
const threads = Number(process.argv[3] ?? 1);
const repetitions = 7;

console.log(await init({ threads }));
const simvq = createSimVq({ dim, codebookSize: k, frozenCodebookDim });
const x = tf.variable(tf.tensor(createRng(1).normalArray(n * dim, 1), [n, dim]));

/** @param {string} name @param {() => import('@tensorflow/tfjs-core').Tensor} f */
async function time(name, f) {
  let [wallMs, processorMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i <= repetitions; i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    const y = tf.tidy(f);
    await y.data();
    const { user, system } = process.cpuUsage(used);
    if (i > 0) wallMs = Math.min(wallMs, performance.now() - start);
    if (i > 0) processorMs = Math.min(processorMs, (user + system) / 1000);
    y.dispose();
  }
  console.log(
    `${name.padEnd(44)} ${wallMs.toFixed(1).padStart(8)} ms, processor ${processorMs.toFixed(1).padStart(8)} ms`,
  );
}

console.log(`N = ${n}, K = ${k}, dim = ${dim}, frozenCodebookDim = ${frozenCodebookDim}`);
await time('encode', () => simvq.encode(x));
const indices = simvq.encode(x);
await time('decode', () => simvq.decode(indices));
await time('quantize', () => simvq.quantize(x).quantized);
await time('quantize, training, with gradients', () => {
  const { value, grads } = tf.variableGrads(() => {
    const { quantized, loss } = simvq.quantize(x, { training: true });
    return tf.add(mean(tf.square(quantized)), loss);
  }, [x, ...Object.values(simvq.variables())]);
  tf.dispose(grads);
  return value;
});
const w = Object.values(simvq.variables())[0];
await time('encode after a change of the weights', () => {
  w.assign(tf.mul(w, 1));
  return simvq.encode(x);
});
