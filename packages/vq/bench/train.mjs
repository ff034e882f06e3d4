// Encoding and training of N = 16,384 tokens of 32 dimensions on the wasm engine, and what the parts of an update cost: the least
// wall-clock time and the least processor time (all threads; it says more on a busy machine) of some repetitions after a warm-up.
// Run on the built packages: node bench/train.mjs [codebookSize] [threads]

import * as tf from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { createRng, mean } from '@vqkit/core-tensor';
import { createVq } from '../dist/index.js';

const [n, dim] = [16_384, 32];
const codebookSize = Number(process.argv[2] ?? 1024);
const threads = Number(process.argv[3] ?? 1);

console.log(await init({ threads }));
const x = tf.tensor(createRng(1).normalArray(n * dim, 1), [n, dim]);

/** @param {string} name @param {number} repetitions @param {() => import('@tensorflow/tfjs-core').Tensor} f */
async function time(name, repetitions, f) {
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

/** @param {import('../dist/index.js').Vq} vq @param {object} [options] */
function step(vq, options = {}) {
  const { value, grads } = tf.engine().gradients(() => {
    const { quantized, loss } = vq.quantize(x, { training: true, ...options });
    return tf.add(mean(tf.square(quantized)), loss);
  }, [x]);
  tf.dispose(grads);
  return value;
}

console.log(`N = ${n}, K = ${codebookSize}, dim = ${dim}`);
const vq = createVq({ dim, codebookSize, thresholdEmaDeadCode: 2 });
await time('encode', 7, () => vq.encode(x));
await time('training step with gradient, codes frozen', 7, () => step(vq, { freezeCodebook: true }));
await time('training step with gradient, averages, revival', 7, () => step(vq));
await time('first step, with k-means', 2, () => {
  const fresh = createVq({ dim, codebookSize, kmeansInit: true });
  const value = step(fresh);
  fresh.dispose();
  return value;
});
