// `--preset speech` on wasm with one thread, for 16 kHz: how many seconds of sound it encodes and decodes in a second, and the milliseconds of a training step of 16 segments of half a second: the least
// and the median of so many repetitions, processor time. apps/bench/peers/seanet.py prints the same of its twin in PyTorch. Run on the built packages: node bench/seanet.mjs [repetitions]

import * as tf from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-node';
import { createRng } from '@vqkit/core-tensor';
import { createAdamW } from '@vqkit/nn';
import { createAudioTokenizer } from '@vqkit/tokenizer';
import { createAudioModality, trainStep } from '@vqkit/training';

const repetitions = Number(process.argv[2] ?? 10);
const [rate, samples, batchSize] = [16_000, 8000, 16];
await init({ prefer: 'wasm', threads: 1 });
const model = createAudioTokenizer({
  quantizer: 'simvq',
  quantizerOptions: { codebookSize: 8192, commitmentWeight: 1000 },
  filters: 16,
  strides: [4, 4, 5],
});
const modality = createAudioModality({ sampleRate: rate, samples, waveWeight: 10, stftWeight: 1, melWeight: 1 });

/** @param {string} name @param {() => Promise<unknown>} work @param {number} [seconds] */
async function timed(name, work, seconds) {
  await work();
  const times = [];
  for (let i = 0; i < repetitions; i++) {
    const started = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(started);
    times.push((user + system) / 1000);
  }
  times.sort((a, b) => a - b);
  const [least = 0, median = 0] = [times[0], times[times.length >> 1]];
  if (seconds === undefined) console.log(`${name}: ${least.toFixed(0)} ms (median ${median.toFixed(0)})`);
  else {
    const ratio = (/** @type {number} */ ms) => ((1000 * seconds) / ms).toFixed(1);
    console.log(`${name}: ${ratio(least)} seconds a second (median ${ratio(median)})`);
  }
}

const noise = (/** @type {number[]} */ shape) =>
  tf.tensor(
    createRng(1).normalArray(
      shape.reduce((size, length) => size * length, 1),
      0.1,
    ),
    shape,
  );
const sound = /** @type {tf.Tensor3D} */ (noise([1, rate, 1]));
const ids = model.encode(sound);
const read = async (/** @type {tf.Tensor} */ y) => {
  await y.data();
  y.dispose();
};
await timed('encode', () => read(model.encode(sound)), 1);
await timed('decode', () => read(model.decode(ids)), 1);

const optimizer = createAdamW({ variables: model.variables() });
const batch = noise([batchSize, samples, 1]);
const options = { loss: /** @type {const} */ ('l1'), learningRate: 1e-3, warmupSteps: 0, clipGradNorm: 1 };
let step = 0;
await timed('training step', () => trainStep({ model, optimizer }, batch, options, step++, modality));
