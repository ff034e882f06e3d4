// Preset `photos` in a process of its own, as peers/photos.py is: the first argument says what, one line of JSON the result.
import { open, writeFile } from 'node:fs/promises';
import {
  abs,
  clipByValue,
  engine,
  mean,
  type NamedAttrMap,
  randomUniform,
  sub,
  type Tensor,
  type Tensor4D,
  tensor4d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-node';
import type { SafeTensor } from '@vqkit/checkpoint';
import { writeSafetensors } from '@vqkit/checkpoint/node';
import { createBatchOrder } from '@vqkit/data';
import { createAdamW } from '@vqkit/nn';
import { createImageTokenizer } from '@vqkit/tokenizer';
import { trainStep } from '@vqkit/training';
import { fastest, measureLimits } from '../kernels/limits.ts';
import { takeTensor } from '../take-tensor.ts';
import { drawPictures } from './pictures.ts';
import type {
  ConvolutionShape,
  Convolutions,
  PhotosFiles,
  PhotosSetup,
  PhotosTask,
  Timed,
  Trained,
} from './settings.ts';

/** Pictures to train on and to test on. */
const TRAIN = 240;
const TEST = 30;
/** Steps that compile and fill caches. */
const WARM_UP = 2;

const task = JSON.parse(process.argv[2] ?? '') as PhotosTask;
process.stdout.write(`${JSON.stringify(await work())}\n`);
// Threads of an engine would keep the process.
process.exit(0);

function work(): Promise<object> {
  if (task.do === 'convolutions') return timeConvolutions(task.shapes, task.batchSize);
  return task.do === 'time' ? time(task, task.engine) : train(task);
}

function create({ widths, blocks, groups, levels, size, seed, steps, learningRate }: PhotosSetup) {
  const model = createImageTokenizer({
    architecture: 'resnet',
    quantizer: 'fsq',
    quantizerOptions: { levels: [...levels] },
    widths: [...widths],
    blocks,
    groups,
    channels: 3,
    imageSize: [size, size],
    seed,
  });
  const optimizer = createAdamW({ variables: model.variables() });
  const options = { loss: 'l1+mse', learningRate, warmupSteps: 0, schedule: 'cosine', steps, clipGradNorm: 1 } as const;
  const step = (x: Tensor4D, number: number) => trainStep({ model, optimizer }, x, options, number);
  return { model, step };
}

async function time(setup: PhotosSetup, wanted: 'wasm' | 'native'): Promise<Timed> {
  const { threads, batchSize, size, steps, seed } = setup;
  const report = await init({ prefer: wanted, threads });
  if (report.engine !== wanted) {
    return { absent: report.notChosen.find((other) => other.engine === wanted)?.reason ?? 'it does not start' };
  }
  const { step } = create(setup);
  const x = randomUniform([batchSize, size, size, 3], -1, 1, 'float32', seed) as Tensor4D;
  const timesMs: number[] = [];
  for (let number = 0; number < steps; number++) {
    const start = performance.now();
    await step(x, number);
    if (number >= WARM_UP) timesMs.push(performance.now() - start);
  }
  return { timesMs, peakMiB: process.resourceUsage().maxRSS / 1024 };
}

async function train(setup: PhotosSetup & PhotosFiles): Promise<Trained> {
  const { threads, batchSize, size, steps, seed } = setup;
  await init({ prefer: 'wasm', threads });
  const { model, step } = create(setup);
  const weights: Record<string, SafeTensor> = {};
  for (const [name, value] of Object.entries(model.stateDict())) {
    weights[name] = await takeTensor(value);
  }
  await writeSafetensors(setup.weights, weights);
  const pictures = drawPictures(TRAIN + TEST, size, seed);
  const one = size * size * 3;
  const order = createBatchOrder({ count: TRAIN, batchSize, seed });
  const losses: number[] = [];
  const file = await open(setup.batches, 'w');
  for (let number = 0; number < steps; number++) {
    const batch = new Float32Array(batchSize * one);
    for (const [i, n] of order.at(number).entries()) batch.set(pictures.subarray(n * one, (n + 1) * one), i * one);
    await file.write(bytesOf(batch));
    const x = tensor4d(batch, [batchSize, size, size, 3]);
    losses.push((await step(x, number)).loss);
    x.dispose();
  }
  await file.close();
  const held = pictures.subarray(TRAIN * one);
  await writeFile(setup.test, bytesOf(held));
  const l1 = tidy(() => {
    const x = tensor4d(held, [TEST, size, size, 3]);
    const { output } = model.forward(x, { training: false });
    return mean(abs(sub(clipByValue(output, -1, 1), x)));
  });
  return { losses, l1: (await l1.data())[0] as number };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

async function timeConvolutions(shapes: readonly ConvolutionShape[], batchSize: number): Promise<Convolutions> {
  await init({ prefer: 'wasm', threads: 1 });
  const { flopsPerSecond } = await measureLimits();
  const rows = shapes.map((shape) => {
    const { side, channels, outChannels, kernel, stride, upsample } = shape;
    const outSide = (side * upsample) / stride;
    const random = (seed: number, ...of: number[]): Tensor => randomUniform(of, -1, 1, 'float32', seed);
    const x = random(1, batchSize, side, side, channels);
    const filter = random(2, kernel, kernel, channels, outChannels);
    const dy = random(3, batchSize, outSide, outSide, outChannels);
    const name = stride === 1 ? 'ConvSame' : 'Convolution';
    // As the architecture has it: a row and a column of zeros behind.
    const sliding = { stride, dilation: 1, before: 0, after: 1 };
    const attrs: NamedAttrMap = stride === 1 ? { upsample } : { sliding: [sliding, sliding] };
    const bias = zeros([outChannels]);
    const ms = (kernelName: string, inputs: Record<string, Tensor>, more: NamedAttrMap): number =>
      fastest(() => {
        const result = engine().runKernel(kernelName, inputs, { ...attrs, ...more });
        for (const one of [result].flat()) (one as Tensor).dispose();
      });
    const row = {
      forwardMs: ms(name, { x, filter, bias }, {}),
      inputMs: ms(`${name}GradInput`, { dy, filter }, { inputSize: [side, side] }),
      filterMs: ms(`${name}GradFilter`, { x, dy }, { filterSize: [kernel, kernel] }),
    };
    for (const used of [x, filter, dy, bias]) used.dispose();
    return row;
  });
  return { flopsPerSecond, rows };
}
