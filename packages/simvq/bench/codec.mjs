// The codec of SimVQ with K = 1,024 codes of 32 features on N = 65,536 tokens, searched among the codes and among frozen vectors of 8:
// minimum and median of 7 repetitions after a warm-up, in milliseconds. Run on the built packages: node bench/codec.mjs

import { createRng } from '@vqkit/core-tensor';
import { createSimVqCodec } from '../dist/codec.js';

const n = 65_536;
const repetitions = 7;
const [dim, codebookSize] = [32, 1024];
const rng = createRng(1);
const x = rng.normalArray(n * dim, 0.5);
const indices = new Int32Array(n);
const codes = new Float32Array(x.length);

for (const frozenCodebookDim of [32, 8]) {
  const codec = createSimVqCodec(
    { dim, codebookSize, frozenCodebookDim },
    {
      frozen_codebook: normal(codebookSize, frozenCodebookDim),
      'code_transform.weight': normal(dim, frozenCodebookDim),
    },
  );
  console.log(`frozenCodebookDim ${frozenCodebookDim}`);
  time('encodeInto', () => codec.encodeInto(x, indices));
  time('decodeInto', () => codec.decodeInto(indices, codes));
}

/** @param {number} rows @param {number} columns */
function normal(rows, columns) {
  return { shape: [rows, columns], data: rng.normalArray(rows * columns, columns ** -0.5) };
}

/** @param {string} name @param {() => void} f */
function time(name, f) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < repetitions + 2; i++) {
    const start = performance.now();
    f();
    if (i >= 2) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const [min = 0, median = 0] = [times[0], times[repetitions >> 1]];
  console.log(`${name.padEnd(12)} min ${min.toFixed(2).padStart(8)}   median ${median.toFixed(2).padStart(8)}`);
}
