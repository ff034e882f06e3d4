// The exact entropies of LFQ with their gradient, N tokens of d bits, on the wasm engine with one thread: times after a warm-up in
// milliseconds, and the peak memory of the whole process. Run on the built packages: node bench/entropy.mjs [N d repetitions]

import * as tf from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { createRng, kernelReport } from '@vqkit/core-tensor';
import { lfqEntropy } from '@vqkit/losses';

const [n = 4096, d = 14, repetitions = 20] = process.argv.slice(2).map(Number);

await init({ threads: 1 });
const logits = tf.tensor2d(createRng(1).normalArray(n * d, 2), [n, d]);
/** @param {tf.Tensor} z */
const objective = (z) => {
  const { perSample, codebook } = lfqEntropy(z);
  return tf.sub(perSample, codebook);
};

/** @param {string} name @param {() => tf.Tensor} f */
async function time(name, f) {
  const times = [];
  for (let i = 0; i <= repetitions; i++) {
    const start = performance.now();
    const y = tf.tidy(f);
    await y.data();
    if (i > 0) times.push(performance.now() - start);
    y.dispose();
  }
  times.sort((a, b) => a - b);
  const [best, median] = [times[0], times[times.length >> 1]];
  console.log(`${name.padEnd(20)} ${best?.toFixed(1).padStart(8)} ms, median ${median?.toFixed(1)} ms`);
}

const kernel = kernelReport().find(({ name }) => name === 'BitEntropy');
console.log(`N = ${n}, d = ${d}: BitEntropy ${kernel?.runs}`);
await time('forward', () => objective(logits));
await time('forward + backward', () => tf.grad(objective)(logits));
console.log(`peak memory of the process ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
