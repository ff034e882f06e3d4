// The codec of SimVQ with K = 1,024 codes of 32 features on N = 65,536 tokens, searched among the codes and among frozen vectors of 8,
// in plain loops and with SIMD kernels: minimum and median of 7 repetitions after a warm-up, in milliseconds. Run on the built packages: node bench/codec.mjs

import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createRng } from '@vqkit/core-tensor';
import { time } from '@vqkit/testing/time';
import { createSimVqCodec } from '../dist/codec.js';

const n = 65_536;
const repeats = { repetitions: 7, warmUps: 2 };
const [dim, codebookSize] = [32, 1024];
const rng = createRng(1);
const x = rng.normalArray(n * dim, 0.5);
const indices = new Int32Array(n);
const codes = new Float32Array(x.length);

for (const frozenCodebookDim of [32, 8]) {
  const options = { dim, codebookSize, frozenCodebookDim };
  const state = {
    frozen_codebook: normal(codebookSize, frozenCodebookDim),
    'code_transform.weight': normal(dim, frozenCodebookDim),
  };
  const codec = createSimVqCodec(options, state);
  const fast = createSimVqCodec(options, state, { kernels: await loadKernels() });
  console.log(`frozenCodebookDim ${frozenCodebookDim}`);
  await time('encodeInto', () => codec.encodeInto(x, indices), repeats);
  await time('encodeInto with kernels', () => fast.encodeInto(x, indices), repeats);
  await time('decodeInto', () => codec.decodeInto(indices, codes), repeats);
}

/** @param {number} rows @param {number} columns */
function normal(rows, columns) {
  return { shape: [rows, columns], data: rng.normalArray(rows * columns, columns ** -0.5) };
}
