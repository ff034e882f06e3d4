/** What this machine can do at best with one thread. */
export interface Limits {
  /** Bytes read and written per second by a copy, for several sizes of what is copied. */
  readonly copies: readonly { readonly bytes: number; readonly bytesPerSecond: number }[];
  /** Multiplications and additions per second in WebAssembly's 128-bit registers. */
  readonly flopsPerSecond: number;
}

const REPETITIONS = 9;
/** Bytes moved for one timing of a copy: many copies of a small block. */
const COPIED = 2 ** 27;
const CHAINS = 12;
const LOOPS = 2_000_000;

/** Measures the limits: minimum of several repetitions. */
export async function measureLimits(): Promise<Limits> {
  const copies = [2 ** 14, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 24, 2 ** 26].map((bytes) => {
    const from = new Float32Array(bytes / 8).fill(1);
    const to = new Float32Array(bytes / 8);
    const times = Math.max(1, Math.round(COPIED / bytes));
    const ms = fastest(() => {
      for (let i = 0; i < times; i++) to.set(from);
    });
    return { bytes, bytesPerSecond: (1000 * bytes * times) / ms };
  });
  const { instance } = await WebAssembly.instantiate(peakModule(CHAINS) as BufferSource);
  const run = instance.exports.run as (loops: number) => number;
  run(1000);
  const ms = fastest(() => run(LOOPS));
  return { copies, flopsPerSecond: (1000 * LOOPS * CHAINS * 8) / ms };
}

/** Seconds that the least work takes at these limits: moving its bytes or computing, whichever is longer. */
export function secondsAtLimit({ bytes, flops }: { bytes: number; flops: number }, limits: Limits): number {
  const nearest = [...limits.copies].sort(
    (a, b) => Math.abs(Math.log(a.bytes / bytes)) - Math.abs(Math.log(b.bytes / bytes)),
  )[0];
  return Math.max(bytes / (nearest?.bytesPerSecond ?? Number.POSITIVE_INFINITY), flops / limits.flopsPerSecond);
}

function fastest(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPETITIONS; i++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/**
 * A WebAssembly module with `run(loops)`: each loop does a multiplication and an addition in each of `chains` vectors of four float32
 * that do not depend on each other, so that the units for them are the only limit.
 */
function peakModule(chains: number): Uint8Array {
  const [v128, f32, i32] = [0x7b, 0x7d, 0x7f];
  const simd = (op: number): number[] => [0xfd, ...leb(op)];
  const [splat, multiply, plus, extract] = [simd(0x13), simd(0xe6), simd(0xe4), [...simd(0x1f), 0]];
  const factor = chains + 1;
  const term = chains + 2;
  const constant = (bits: readonly number[]): number[] => [0x43, ...bits, ...splat];
  // 0.5 and 1: x·0.5 + 1 stays near 2 for ever.
  const half = constant([0, 0, 0, 0x3f]);
  const one = constant([0, 0, 0x80, 0x3f]);
  const locals = Array.from({ length: chains }, (_, i) => i + 1);
  const step = locals.flatMap((x) => [0x20, x, 0x20, factor, ...multiply, 0x20, term, ...plus, 0x21, x]);
  const countDown = [0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0];
  const total = locals.slice(1).flatMap((x) => [0x20, x, ...plus]);
  const body = [
    ...[1, chains + 2, v128],
    ...[...half, 0x21, factor, ...one, 0x21, term],
    ...locals.flatMap((x) => [...one, 0x21, x]),
    ...[0x03, 0x40, ...step, ...countDown, 0x0b],
    ...[0x20, 1, ...total, ...extract, 0x0b],
  ];
  const section = (id: number, content: readonly number[]): number[] => [id, ...leb(content.length), ...content];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, i32, 1, f32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 3, 0x72, 0x75, 0x6e, 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}
