// Time of tracker.update() and tracker.report() at N = 12,544 tokens (256 images of 7 × 7), beside a training step of some 100 ms.
// Run on the built package: node bench/tracker.mjs
import { createTracker, topTwoMargins, usedCodebookRank } from '../dist/index.js';

const N = 12_544;
const REPEATS = 100;

/** A seeded 32-bit generator (mulberry32): the bench needs no quality, only the same numbers each time. */
let state = 1;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const floats = (n) => Float32Array.from({ length: n }, () => random() - 0.5);
const integers = (n, bound) => Int32Array.from({ length: n }, () => Math.floor(random() * bound));

function measure(name, repeats, f) {
  for (let i = 0; i < Math.ceil(repeats / 5); i++) f(i);
  const times = Array.from({ length: repeats }, (_, i) => {
    const start = performance.now();
    f(i);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  const at = (share) => times[Math.min(repeats - 1, Math.floor(share * repeats))].toFixed(2).padStart(8);
  console.log(`${name.padEnd(64)} min ${at(0)}  median ${at(0.5)}  p90 ${at(0.9)} ms`);
}

console.log(`node ${process.version}, N = ${N}, ${REPEATS} repeats`);
for (const bits of [8, 18, 24]) {
  const K = 2 ** bits;
  const batches = Array.from({ length: 10 }, () => integers(N, K));
  for (const window of [100, 'all']) {
    const tracker = createTracker({ codebookSize: K, window });
    for (let i = 0; i < 100; i++) tracker.update({ indices: integers(N, K) });
    const at = `K = 2^${bits}, window ${window}`;
    measure(`update, ids only, ${at}`, REPEATS, (i) => tracker.update({ indices: batches[i % 10] }));
    measure(`report, ${tracker.usage().codes.length} codes seen, ${at}`, 20, () => tracker.report());
  }
}
for (const dim of [8, 32]) {
  const tracker = createTracker({ codebookSize: 256, window: 100 });
  const [indices, latents, codes] = [integers(N, 256), floats(N * dim), floats(N * dim)];
  measure(`update, ids, latents and codes, K = 256, dim = ${dim}`, REPEATS, () =>
    tracker.update({ indices, latents, codes }),
  );
  measure(`report, window of 100 updates with latents, dim = ${dim}`, 20, () => tracker.report());
  const codebook = floats(256 * dim);
  measure(`topTwoMargins, K = 256, dim = ${dim}`, 5, () => topTwoMargins(latents, codebook, dim));
}
for (const [K, dim] of [
  [256, 32],
  [65_536, 128],
  [4096, 768],
]) {
  const codebook = floats(K * dim);
  const indices = Int32Array.from({ length: K }, (_, i) => i);
  measure(`usedCodebookRank, K = ${K}, dim = ${dim}`, 2, () => usedCodebookRank(codebook, indices, dim));
}
