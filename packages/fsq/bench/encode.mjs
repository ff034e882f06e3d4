// FSQ with levels [8, 5, 5, 5] on N = 65,536 tokens: minimum and median of some repetitions after a warm-up, in milliseconds, each with
// the result read back. Run on the built packages: node bench/encode.mjs [cpu | wasm] …

import * as tf from '@tensorflow/tfjs-core';
import { createRng, kernelReport } from '@vqkit/core-tensor';
import { createFsq } from '../dist/index.js';

const n = 65_536;
const levels = [8, 5, 5, 5];
const repetitions = 21;
const engines = process.argv.length > 2 ? process.argv.slice(2) : ['cpu', 'wasm'];

for (const engine of engines) {
  await start(engine);
  const fused = kernelReport().find(({ name }) => name === 'FsqQuantize')?.runs;
  console.log(`\n${engine}, FsqQuantize ${fused}, N = ${n}, levels [${levels}], ${repetitions} repetitions`);
  const fsq = createFsq({ levels });
  const z = tf.tensor(createRng(1).normalArray(n * levels.length, 1.5), [n, levels.length]);
  const indices = fsq.encode(z);
  await time('encode', () => fsq.encode(z));
  await time('decode', () => fsq.decode(indices));
  await time('quantize', () => fsq.quantize(z).quantized);
  await time('quantize with the gradient to z', () => tf.grad((x) => tf.sum(fsq.quantize(x).quantized))(z));
  fsq.dispose();
  tf.dispose([z, indices]);
}

/** @param {string} engine */
async function start(engine) {
  if (engine === 'wasm') {
    const { init } = await import('@vqkit/backend-wasm');
    await init();
    return;
  }
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
}

/** @param {string} name @param {() => import('@tensorflow/tfjs-core').Tensor} f */
async function time(name, f) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < repetitions + 3; i++) {
    const start = performance.now();
    const y = tf.tidy(f);
    await y.data();
    if (i >= 3) times.push(performance.now() - start);
    y.dispose();
  }
  times.sort((a, b) => a - b);
  const [min = 0, median = 0] = [times[0], times[repetitions >> 1]];
  console.log(`${name.padEnd(34)} min ${min.toFixed(2).padStart(7)}   median ${median.toFixed(2).padStart(7)}`);
}
