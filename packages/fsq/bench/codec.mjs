// The codec of FSQ with levels [8, 5, 5, 5] on N = 65,536 tokens: minimum and median of 21 repetitions after a warm-up, in
// milliseconds. Run on the built packages: node bench/codec.mjs

import { createRng } from '@vqkit/core-tensor';
import { createFsqCodec } from '../dist/codec.js';

const n = 65_536;
const repetitions = 21;
const codec = createFsqCodec({ levels: [8, 5, 5, 5] });
const z = createRng(1).normalArray(n * codec.dim, 1.5);
const indices = new Int32Array(n);
const codes = new Float32Array(z.length);

time('encodeInto', () => codec.encodeInto(z, indices));
time('decodeInto', () => codec.decodeInto(indices, codes));

/** @param {string} name @param {() => void} f */
function time(name, f) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < repetitions + 5; i++) {
    const start = performance.now();
    f();
    if (i >= 5) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const [min = 0, median = 0] = [times[0], times[repetitions >> 1]];
  console.log(`${name.padEnd(12)} min ${min.toFixed(2).padStart(8)}   median ${median.toFixed(2).padStart(8)}`);
}
