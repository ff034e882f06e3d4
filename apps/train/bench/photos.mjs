// A training of `--preset photos` on small pictures, for its twin apps/bench/peers/photos.py: prints the loss of each step and the test L1, and writes the first weights, the batches in their order and the
// test pictures, from which the twin does the same. Run on the built packages: node bench/photos.mjs TASK, the JSON that peers/photos.py describes, with `pictures` (a folder) and `seed`.

import { open, writeFile } from 'node:fs/promises';
import { tensor } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-node';
import { writeSafetensors } from '@vqkit/checkpoint/node';
import { createBatchOrder } from '@vqkit/data';
import { openDataset } from '@vqkit/data/node';
import { createAdamW } from '@vqkit/nn';
import { createImageTokenizer } from '@vqkit/tokenizer';
import { evaluate, trainStep } from '@vqkit/training';
import { createConfig } from '../dist/index.js';

const task = JSON.parse(process.argv[2] ?? '');
const { widths, blocks, groups, levels, size, batchSize, steps, learningRate, seed, threads } = task;
await init({ prefer: 'wasm', threads });
const config = createConfig({
  preset: 'photos',
  data: 'folder',
  dataPath: task.pictures,
  imageSize: size,
  widths,
  seed,
});
const data = await openDataset(/** @type {any} */ (config));
const quantizerOptions = { levels };
const model = createImageTokenizer({
  architecture: 'resnet',
  quantizer: 'fsq',
  quantizerOptions,
  widths,
  blocks,
  groups,
  channels: 3,
  seed,
});
/** @type {Record<string, any>} */
const weights = {};
for (const [name, t] of Object.entries(model.stateDict())) {
  weights[name] = { dtype: 'F32', shape: t.shape, data: await t.data() };
}
await writeSafetensors(task.weights, weights);

const order = createBatchOrder({ count: data.train.count, batchSize, seed });
const optimizer = createAdamW({ variables: model.variables() });
const options = /** @type {const} */ ({
  loss: 'l1+mse',
  learningRate,
  warmupSteps: 0,
  schedule: 'cosine',
  steps,
  clipGradNorm: 1,
});
const losses = [];
const batches = await open(task.batches, 'w');
for (let step = 0; step < steps; step++) {
  const values = await data.train.batch(order.at(step), step);
  await batches.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const x = tensor(values, [batchSize, size, size, 3]);
  losses.push((await trainStep({ model, optimizer }, x, options, step)).loss);
  x.dispose();
}
await batches.close();
const held = await data.test.batch(Int32Array.from({ length: data.test.count }, (_, i) => i));
await writeFile(task.test, new Uint8Array(held.buffer, held.byteOffset, held.byteLength));
const { quality } = await evaluate(model, data.test, { batchSize, step: steps });
data.close();
console.log(JSON.stringify({ losses, ...quality }));
// Threads of an engine would keep the process.
process.exit(0);
