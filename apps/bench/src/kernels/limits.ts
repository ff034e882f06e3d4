import { assemble, type Code, countDown, get, integer, OPS, set, splat, store, V128 } from './assembler.ts';
import type { LeastWork } from './work.ts';

/** What this machine can do at best with one thread. */
export interface Limits {
  /** Bytes read and written per second by a copy, for several sizes of what is copied. */
  readonly copies: readonly { readonly bytes: number; readonly bytesPerSecond: number }[];
  /** Multiplications and additions per second in WebAssembly's 128-bit registers, of float32 and of int16. */
  readonly flopsPerSecond: number;
  readonly int16PerSecond: number;
}

/** Bytes moved for one timing of a copy: many copies of a small block. */
const COPIED = 2 ** 24;
const CHAINS = 12;
const LOOPS = 100_000;

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
  // Of two vectors, four products and sums of float32, or eight products and sums of int16.
  const flopsPerSecond = 8 * (await chainsPerSecond(OPS.multiplyFloat32, OPS.addFloat32));
  const int16PerSecond = 16 * (await chainsPerSecond(OPS.dotInt16, OPS.addInt32));
  return { copies, flopsPerSecond, int16PerSecond };
}

/** Seconds that the least work takes at these limits: moving its bytes or computing, whichever is longer. */
export function secondsAtLimit({ bytes, flops, int16 }: LeastWork, limits: Limits): number {
  const nearest = [...limits.copies].sort(
    (a, b) => Math.abs(Math.log(a.bytes / bytes)) - Math.abs(Math.log(b.bytes / bytes)),
  )[0];
  return Math.max(
    bytes / (nearest?.bytesPerSecond ?? Number.POSITIVE_INFINITY),
    flops / limits.flopsPerSecond + int16 / limits.int16PerSecond,
  );
}

/**
 * How often a second one of `CHAINS` vectors is multiplied and added to. They do not depend on each other, so that the units for both are
 * the only limit.
 */
async function chainsPerSecond(multiply: Code, plus: Code): Promise<number> {
  const [factor, term] = [CHAINS + 1, CHAINS + 2];
  const chains = Array.from({ length: CHAINS }, (_, i) => i + 1);
  const { run } = await assemble({
    parameters: 1,
    locals: Array.from({ length: CHAINS + 2 }, () => V128),
    pages: 1,
    body: [
      // x·0.5 + 1 stays near 2 for ever.
      ...[...splat(0.5), ...set(factor), ...splat(1), ...set(term)],
      ...chains.flatMap((x) => [...splat(1), ...set(x)]),
      ...countDown(
        0,
        chains.flatMap((x) => [...get(x), ...get(factor), ...multiply, ...get(term), ...plus, ...set(x)]),
      ),
      // What is not used would not be computed.
      ...[...integer(0), ...get(1), ...chains.slice(1).flatMap((x) => [...get(x), ...OPS.or]), ...store(0)],
    ],
  });
  return (1000 * LOOPS * CHAINS) / fastest(() => run(LOOPS));
}

const WARM_UP_MS = 100;
const MEASURED_MS = 200;

/** Milliseconds of the fastest of many short repetitions, so that some of them have the core for themselves. */
export function fastest(work: () => void): number {
  const repeat = (ms: number): number => {
    let best = Number.POSITIVE_INFINITY;
    for (const end = performance.now() + ms; performance.now() < end; ) {
      const start = performance.now();
      work();
      best = Math.min(best, performance.now() - start);
    }
    return best;
  };
  repeat(WARM_UP_MS);
  return repeat(MEASURED_MS);
}
