// One training step of the recipe's autoencoder (28x28x1, batch 256, FSQ [8,6,5]) on the wasm engine: steps per second, and the
// time of every kernel. Run on the built package: node bench/conv-train.mjs [steps] [threads]
import * as tf from '@tensorflow/tfjs-core';
import { createRng, fsqQuantize, mean } from '@vqkit/core-tensor';
import { adamWStep, convSame, createMaxPool2d, createScope, gelu } from '@vqkit/nn';
import { init } from '../dist/index.js';

const steps = Number(process.argv[2] ?? 10);
const report = await init({ threads: process.argv[3] ? Number(process.argv[3]) : undefined });
console.log(report);

const times = new Map();
let nested = 0;
for (const config of tf.getKernelsForBackend('wasm')) {
  const { kernelName, kernelFunc } = config;
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    ...config,
    setupFunc: undefined,
    disposeFunc: undefined,
    kernelFunc: (call) => {
      const outer = nested;
      nested = 0;
      const start = performance.now();
      const result = kernelFunc(call);
      const total = performance.now() - start;
      const own = times.get(kernelName) ?? { ms: 0, calls: 0 };
      times.set(kernelName, { ms: own.ms + total - nested, calls: own.calls + 1 });
      nested = outer + total;
      return result;
    },
  });
}

const { sub, abs, reshape, tidy, variable, randomNormal } = tf;
const pool = createMaxPool2d(createScope(createRng(0)));
let seed = 1;
const weight = (shape) => variable(randomNormal(shape, 0, (shape[0] * shape[1] * shape[2]) ** -0.5, 'float32', seed++));
const bias = (n) => variable(tf.zeros([n]));
const w = [
  [3, 3, 1, 16],
  [3, 3, 16, 32],
  [1, 1, 32, 3],
  [3, 3, 3, 32],
  [3, 3, 32, 16],
  [3, 3, 16, 1],
].map(weight);
const b = [16, 32, 3, 32, 16, 1].map(bias);
const conv = (i, x, upsample = 1) => convSame(x, w[i], b[i], { upsample });

const levels = [8, 6, 5];
const attrs = {
  levels,
  thresholds: levels.map((l) => Array.from({ length: l - 1 }, (_, j) => Math.atanh((2 * j + 2) / l - 1))),
  centers: levels.map((l) => (l - 1) / 2),
  steps: levels.map((l) => 2 / (l - 1)),
  shifts: [0, 0, 0],
  slopes: [1, 1, 1],
  hardClamp: false,
  basis: [1, 8, 48],
};
function loss(x) {
  let h = gelu(pool.apply(conv(0, x)));
  h = conv(2, pool.apply(conv(1, h)));
  const [codes] = fsqQuantize({ z: reshape(h, [-1, 3]) }, attrs);
  h = conv(3, reshape(codes, h.shape));
  h = gelu(conv(4, h, 2));
  return mean(abs(sub(conv(5, h, 2), x)));
}

const moments = [...w, ...b].map((v) => ({ m: variable(tf.zerosLike(v)), v: variable(tf.zerosLike(v)) }));
const adam = { learningRate: 3e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
let count = 0;
function step(x) {
  count++;
  tidy(() => {
    const { value, grads } = tf.variableGrads(() => loss(x), [...w, ...b]);
    [...w, ...b].forEach((p, i) => {
      const g = grads[p.name];
      const { m, v } = moments[i];
      const next = adamWStep({ parameter: p, gradient: g, m, v }, { ...adam, step: count });
      for (const [k, variable] of [p, m, v].entries()) variable.assign(next[k]);
    });
    last = value;
    tf.keep(value);
  });
}
let last;
const x = tf.randomUniform([256, 28, 28, 1], -1, 1, 'float32', 7);
step(x);
step(x);
times.clear();
const perStep = [];
for (let i = 0; i < steps; i++) {
  const start = performance.now();
  step(x);
  await last.data();
  perStep.push(performance.now() - start);
}
let total = 0;
const rows = [...times].sort((p, q) => q[1].ms - p[1].ms);
for (const [name, { ms, calls }] of rows) {
  total += ms / steps;
  if (ms / steps > 0.05)
    console.log(
      name.padEnd(32),
      (ms / steps).toFixed(2).padStart(8),
      'ms',
      (calls / steps).toFixed(0).padStart(4),
      'calls',
    );
}
console.log(
  `kernels ${total.toFixed(1)} ms, step min ${Math.min(...perStep).toFixed(1)} ms = ${(1000 / Math.min(...perStep)).toFixed(1)} steps/s, loss ${(await last.data())[0]}`,
);
