// FSQ with levels [8, 5, 5, 5] on N = 65,536 tokens: minimum and median of some repetitions after a warm-up, in milliseconds, each with
// the result read back. Run on the built packages: node bench/encode.mjs [cpu | wasm] …

import * as tf from '@tensorflow/tfjs-core';
import { createRng, kernelReport, sum } from '@vqkit/core-tensor';
import { time } from '@vqkit/testing/time';
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
  await timeTensor('encode', () => fsq.encode(z));
  await timeTensor('decode', () => fsq.decode(indices));
  await timeTensor('quantize', () => fsq.quantize(z).quantized);
  await timeTensor('quantize with the gradient to z', () => tf.grad((x) => sum(fsq.quantize(x).quantized))(z));
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
function timeTensor(name, f) {
  const run = async () => {
    const y = tf.tidy(f);
    await y.data();
    y.dispose();
  };
  return time(name, run, { repetitions, warmUps: 3 });
}
