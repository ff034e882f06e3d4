// The search for the nearest code, in float32 (nearestCode) and screened by 16-bit integers (nearestCodeScreened, with the rounding of the
// codes), on one thread: the least processor time of some repetitions in turns, GFLOP/s of 2·N·K·D, and whether all indices are equal.
// Codes and tokens are normal random numbers; `equal`: all codes are one; `M times`: every code is there M times.
// Run on the built package: node bench/nearest.mjs [N] [repetitions]
import { createRng } from '@vqkit/core-tensor';
import { base64 } from '../dist/simd.js';

const n = Number(process.argv[2] ?? 16_384);
const repetitions = Number(process.argv[3] ?? 7);
const module = new WebAssembly.Module(Buffer.from(base64, 'base64'));

const rng = createRng(1);

function measure(k, dim, codeOf = (i) => i) {
  const panels = Math.ceil(k / 8);
  const pairs = Math.ceil(dim / 2);
  const sizes = {
    x: 4 * n * dim,
    keys: 4 * k * dim,
    bias: 4 * k,
    packed: 32 * panels * (dim + 1),
    rounded: 32 * panels * (pairs + 1),
    measures: 32,
    frames: 8 * (4096 + 16 * pairs),
    strict: 4 * n,
    screened: 4 * n,
  };
  const at = {};
  let end = 64;
  for (const [name, bytes] of Object.entries(sizes)) {
    at[name] = end;
    end += Math.ceil(bytes / 64) * 64;
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65_536) });
  const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const floats = (address, count) => new Float32Array(memory.buffer, address, count);
  floats(at.x, n * dim).set(rng.normalArray(n * dim, 1));
  const keys = floats(at.keys, k * dim);
  const normal = rng.normalArray(k * dim, 1);
  for (let i = 0; i < k; i++) keys.set(normal.subarray(codeOf(i) * dim, (codeOf(i) + 1) * dim), i * dim);
  const bias = floats(at.bias, k);
  for (let i = 0; i < k; i++) bias[i] = -keys.subarray(i * dim, (i + 1) * dim).reduce((s, v) => s + v * v, 0) / 2;

  const groups = Math.ceil(n / 4);
  const contenders = {
    strict: () => wasm.nearestCode(at.x, at.packed, at.strict, n, dim, panels, 0, groups, 0),
    screened: () => {
      wasm.measureCodes(at.packed, at.measures, dim, panels);
      wasm.roundCodes(at.packed, at.rounded, at.measures, dim, 0, panels, 0);
      const places = [at.x, at.packed, at.rounded, at.measures, at.frames, at.screened];
      wasm.nearestCodeScreened(...places, n, dim, panels, 0, groups, 0);
    },
  };
  wasm.packCodes(at.keys, at.bias, at.packed, k, dim, 0, panels, 0);
  const best = { strict: Number.POSITIVE_INFINITY, screened: Number.POSITIVE_INFINITY };
  for (let i = 0; i <= repetitions; i++) {
    for (const [name, run] of Object.entries(contenders)) {
      const used = process.cpuUsage();
      run();
      const { user, system } = process.cpuUsage(used);
      if (i > 0) best[name] = Math.min(best[name], (user + system) / 1000);
    }
  }
  const [strict, screened] = ['strict', 'screened'].map((name) => new Int32Array(memory.buffer, at[name], n));
  const different = strict.reduce((count, index, i) => count + (index === screened[i] ? 0 : 1), 0);
  return { ...best, different };
}

const flops = (k, dim, ms) => ((2 * n * k * dim) / ms / 1e6).toFixed(1);
console.log(`Node ${process.versions.node}, N = ${n}`);
console.log('| K | D | codes | strict, ms | GFLOP/s | screened, ms | GFLOP/s | ratio | indices that differ |');
const rows = [
  ...[128, 32, 8].map((dim) => [8192, dim]),
  ...[2, 4, 16, 64, 256].map((dim) => [1024, dim]),
  ...[16, 64, 256].flatMap((k) => [8, 32, 128].map((dim) => [k, dim])),
  [8192, 32, 'equal', () => 0],
  ...[2, 16, 100].map((times) => [8192, 32, `${times} times`, (i) => Math.floor(i / times)]),
];
for (const [k, dim, codes = 'normal', codeOf] of rows) {
  const { strict, screened, different } = measure(k, dim, codeOf);
  const times = [strict, screened].flatMap((ms) => [ms.toFixed(2), flops(k, dim, ms)]);
  console.log(`| ${[k, dim, codes, ...times, (strict / screened).toFixed(2), different].join(' | ')} |`);
}
