// The search for the nearest code on one thread: in float32 (nearestCode), as it is planned (planSearch), and by comparing all codes in float64
// (nearestCodeExact): the least processor time of some repetitions in turns, and how many indices the last two give differently.
// Codes and tokens are normal random numbers; the last rows are codebooks of mixed magnitudes, with tokens near their codes.
// Run on the built package: node bench/nearest.mjs [N] [repetitions]
import { createRng } from '@vqkit/core-tensor';
import { inflate } from '../dist/embedded.js';
import { planSearch } from '../dist/search-codes.js';
import { base64 } from '../dist/simd.js';

const n = Number(process.argv[2] ?? 16_384);
const repetitions = Number(process.argv[3] ?? 7);
const module = new WebAssembly.Module(await inflate(base64));
const rng = createRng(1);

function measure(k, dim, change) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const host = {
    threads: 1,
    call: (name, ...args) => wasm[name](...args),
    run: (name, units, ...args) => wasm[name](...args, 0, units, 0),
    floats: (address, count) => new Float32Array(memory.buffer, address, count),
  };
  let end = 64;
  const lend = (bytes) => {
    const at = end;
    end += Math.ceil(bytes / 64) * 64;
    memory.grow(Math.max(0, Math.ceil((end - memory.buffer.byteLength) / 65_536)));
    return at;
  };
  const normal = rng.normalArray(k * dim, 1);
  const values = normal.map((value, i) => change(value, Math.floor(i / dim), i % dim, normal));
  const [x, codes, bias] = [n * dim, k * dim, k].map((count) => lend(4 * count));
  host.floats(codes, k * dim).set(values);
  host.floats(x, n * dim).set(rng.normalArray(n * dim, 0.5).map((v, i) => v + values[i % (k * dim)]));
  for (let i = 0; i < k; i++) {
    host.floats(bias, k)[i] = -values.subarray(i * dim, (i + 1) * dim).reduce((s, v) => s + v * v, 0) / 2;
  }
  const panels = Math.ceil(k / 8);
  const packed = lend(32 * panels * (dim + 1));
  const frame = lend(wasm.exactFrameBytes(dim));
  const book = { codes, count: k, dim };
  const at = lend(planSearch(host, book, n).bytes);
  const scratch = lend(planSearch(host, book, n).prepare(at).scratchBytes(n));
  const ids = [0, 1, 2].map(() => lend(4 * n));
  const groups = Math.ceil(n / 4);
  const contenders = [
    () => {
      host.run('packCodes', panels, codes, bias, packed, k, dim);
      host.run('nearestCode', groups, x, packed, ids[0], n, dim, panels);
    },
    () => planSearch(host, book, n).prepare(at).search({ x, tokens: n }, scratch, ids[1]),
    () => host.run('nearestCodeExact', groups, x, codes, frame, ids[2], 0, n, dim, k),
  ];
  const best = contenders.map(() => Number.POSITIVE_INFINITY);
  for (let i = 0; i <= repetitions; i++) {
    for (const [c, run] of contenders.entries()) {
      const used = process.cpuUsage();
      run();
      const { user, system } = process.cpuUsage(used);
      if (i > 0) best[c] = Math.min(best[c], (user + system) / 1000);
    }
  }
  const [planned, exact] = [1, 2].map((i) => new Int32Array(memory.buffer, ids[i], n));
  return [...best.map((ms) => ms.toFixed(2)), planned.filter((id, i) => id !== exact[i]).length];
}

console.log(`Node ${process.versions.node}, N = ${n}`);
console.log('| K | D | codes | float32, ms | planned, ms | float64, ms | indices that differ |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
const ordinary = [
  ...[128, 32, 8, 1].map((dim) => [8192, dim]),
  ...[2, 16, 64, 256].map((dim) => [1024, dim]),
  ...[16, 64, 256].flatMap((k) => [8, 32, 128].map((dim) => [k, dim])),
];
for (const [k, dim] of ordinary) console.log(`| ${[k, dim, 'normal', ...measure(k, dim, (v) => v)].join(' | ')} |`);
const centers = rng.normalArray(16 * 32, 1e4);
const mixed = {
  'offset of 1,000': (v) => v + 1000,
  'one at 10^6': (v, code) => (code === 5 ? 1e6 : v),
  'each tenth row 10^10': (v, code) => (code % 10 === 0 ? 1e10 : v),
  'two clusters': (v, code) => v + (code % 2 === 0 ? 300 : -300),
  '16 clusters': (v, code, i) => v + centers[((code * 7) % 16) * 32 + i],
  'each twice': (_, code, i, all) => all[(code >> 1) * 32 + i],
  'all equal': (_, __, i, all) => all[i],
  'of all magnitudes': (v, code) => v * 10 ** ((code % 40) - 20),
};
for (const [name, change] of Object.entries(mixed))
  console.log(`| ${[8192, 32, name, ...measure(8192, 32, change)].join(' | ')} |`);
