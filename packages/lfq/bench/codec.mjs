// The codec of LFQ with 10 bits on N = 65,536 tokens, in plain loops and with SIMD kernels: minimum and median of 21 repetitions after a
// warm-up, in milliseconds. Run on the built packages: node bench/codec.mjs

import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createRng } from '@vqkit/core-tensor';
import { time } from '@vqkit/testing/time';
import { createLfqCodec } from '../dist/codec.js';

const n = 65_536;
const repeats = { repetitions: 21, warmUps: 5 };
const codec = createLfqCodec({ dim: 10 });
const z = createRng(1).normalArray(n * codec.dim, 1.5);
const indices = new Int32Array(n);
const codes = new Float32Array(z.length);

await time('encodeInto', () => codec.encodeInto(z, indices), repeats);
const fast = createLfqCodec({ dim: 10 }, { kernels: await loadKernels() });
await time('encodeInto with kernels', () => fast.encodeInto(z, indices), repeats);
await time('decodeInto', () => codec.decodeInto(indices, codes), repeats);
