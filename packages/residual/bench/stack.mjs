// A stack of Q layers against Q times one layer, on N = 16,384 tokens, one thread: minimum of some repetitions after a warm-up, in
// milliseconds of processor time (which other processes on the machine hardly change), each with the result read back; single and
// stack take turns. Run on the built packages: node bench/stack.mjs [wasm | cpu] [repetitions] [only names with this word]

import * as tf from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createSimVq } from '@vqkit/simvq';
import { createVq } from '@vqkit/vq';
import { createResidualFsq, createResidualLfq, createResidualSimVq, createResidualVq } from '../dist/index.js';

const n = 16_384;
const [engine = 'wasm', repetitions = '9', word = ''] = process.argv.slice(2);

if (engine === 'wasm') {
  const { init } = await import('@vqkit/backend-wasm');
  await init({ threads: 1 });
} else {
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
}

const wide = { dim: 128, codebookSize: 1024 };
const levels = [8, 5, 5, 5];
const bits = { dim: 10, entropyLossWeight: 0.1 };

/** @type {[string, number, any, any][]} */
const subjects = [
  ['VQ K=1024 D=128', 8, createVq(wide), createResidualVq({ ...wide, numQuantizers: 8 })],
  ['SimVQ K=1024 D=128', 8, createSimVq(wide), createResidualSimVq({ ...wide, numQuantizers: 8 })],
  ['LFQ d=10', 8, createLfq(bits), createResidualLfq({ ...bits, numQuantizers: 8 })],
  [
    'FSQ [8,5,5,5]',
    8,
    createFsq({ levels, preserveSymmetry: true, boundHardClamp: true }),
    createResidualFsq({ levels, numQuantizers: 8 }),
  ],
];

console.log(`${engine}, N = ${n}, Q = 8, minimum of ${repetitions}`);
console.log(`${''.padEnd(34)} ${'one'.padStart(9)} ${'stack'.padStart(9)}   stack / (Q · one)`);
for (const [name, count, one, stack] of subjects.filter(([name]) => name.includes(word))) {
  const z = tf.tensor(createRng(1).normalArray(n * one.dim, 1), [n, one.dim]);
  const ids = one.encode(z);
  const stackIds = stack.encode(z);
  /** @param {any} q */
  const train = (q) => () => {
    const variables = Object.values(q.variables());
    const objective = () => {
      const { quantized, loss } = q.quantize(z, { training: true });
      return tf.add(tf.sum(quantized), loss);
    };
    return tf.engine().gradients(objective, [z, ...variables], undefined, true).grads[0];
  };
  const works = [
    ['encode', () => one.encode(z), () => stack.encode(z)],
    ['quantize', () => one.quantize(z).quantized, () => stack.quantize(z).quantized],
    ['decode', () => one.decode(ids), () => stack.decode(stackIds)],
    ['training step with gradients', train(one), train(stack)],
  ];
  for (const [work, single, stacked] of works) {
    const [a, b] = await race(single, stacked);
    const ratio = (b / (count * a)).toFixed(2);
    console.log(`${`${name} ${work}`.padEnd(34)} ${a.toFixed(2).padStart(9)} ${b.toFixed(2).padStart(9)}   ${ratio}`);
  }
  one.dispose();
  stack.dispose();
  tf.dispose([z, ids, stackIds]);
}

/** @param {() => tf.Tensor} first @param {() => tf.Tensor} second @returns {Promise<[number, number]>} */
async function race(first, second) {
  /** @type {[number, number]} */
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < Number(repetitions) + 2; i++) {
    for (const [side, f] of [first, second].entries()) {
      const start = process.cpuUsage();
      const y = tf.tidy(f);
      await y.data();
      const { user, system } = process.cpuUsage(start);
      if (i >= 2) best[side] = Math.min(best[side] ?? 0, (user + system) / 1000);
      y.dispose();
    }
  }
  return best;
}
