import type { Contender } from './contender.ts';
import { startContender } from './contender.ts';
import { withInputs } from './inputs.ts';
import { warmUp } from './measure.ts';
import type { Work } from './work.ts';

/** How the time of a work grows with one of its sizes. */
export interface Curve {
  readonly name: string;
  readonly title: string;
  /** What grows, as the axis says it. */
  readonly axis: string;
  readonly sizes: readonly number[];
  work(size: number): Work;
  /** The power of the size that the arithmetic grows with. */
  readonly arithmetic: number;
}

/** Time at one size, milliseconds, minimum of the repetitions; null where it took too long at a smaller size. */
interface CurvePoint {
  readonly size: number;
  readonly vqkit: number;
  readonly composed: number | null;
}

export interface MeasuredCurve {
  readonly points: readonly CurvePoint[];
  /** Peak of vqkit's process over all sizes. */
  readonly peakMiB: number;
}

const powers = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => 2 ** (from + i * step));

const LEVELS = [8, 5, 5, 5];

export const CURVES: readonly Curve[] = [
  {
    name: 'fsq-encode-n',
    title: 'FSQ [8,5,5,5] encode over the tokens',
    axis: 'tokens N',
    sizes: powers(8, 20, 2),
    work: (n) => ({ quantizer: 'fsq', op: 'encode', n, dim: 4, levels: LEVELS }),
    arithmetic: 1,
  },
  {
    name: 'fsq-train-n',
    title: 'FSQ [8,5,5,5] train step over the tokens',
    axis: 'tokens N',
    sizes: powers(8, 18, 2),
    work: (n) => ({ quantizer: 'fsq', op: 'train', n, dim: 4, levels: LEVELS }),
    arithmetic: 1,
  },
  {
    name: 'lfq-encode-n',
    title: 'LFQ d=10 encode over the tokens',
    axis: 'tokens N',
    sizes: powers(8, 20, 2),
    work: (n) => ({ quantizer: 'lfq', op: 'encode', n, dim: 10 }),
    arithmetic: 1,
  },
  {
    name: 'lfq-train-n',
    title: 'LFQ d=10 train step over the tokens',
    axis: 'tokens N',
    sizes: powers(6, 14, 2),
    work: (n) => ({ quantizer: 'lfq', op: 'train', n, dim: 10 }),
    arithmetic: 1,
  },
  {
    name: 'lfq-train-k',
    title: 'LFQ train step of 1,024 tokens over the codes, d = 6 to 18',
    axis: 'codes K = 2^d',
    sizes: powers(6, 18, 2),
    work: (codes) => ({ quantizer: 'lfq', op: 'train', n: 1024, dim: Math.log2(codes) }),
    arithmetic: 1,
  },
  {
    name: 'simvq-encode-n',
    title: 'SimVQ encode over the tokens, K=1024, D=32',
    axis: 'tokens N',
    sizes: powers(6, 16, 2),
    work: (n) => ({ quantizer: 'simvq', op: 'encode', n, dim: 32, codes: 1024, frozenDim: 32 }),
    arithmetic: 1,
  },
  {
    name: 'simvq-encode-k',
    title: 'SimVQ encode of 4,096 tokens over the codes, D=32',
    axis: 'codes K',
    sizes: powers(6, 16, 2),
    work: (codes) => ({ quantizer: 'simvq', op: 'encode', n: 4096, dim: 32, codes, frozenDim: 32 }),
    arithmetic: 1,
  },
  {
    name: 'simvq-encode-d',
    title: 'SimVQ encode of 4,096 tokens, K=1024, over the width',
    axis: 'width D',
    sizes: powers(3, 9, 1),
    work: (dim) => ({ quantizer: 'simvq', op: 'encode', n: 4096, dim, codes: 1024, frozenDim: dim }),
    arithmetic: 1,
  },
  {
    name: 'simvq-train-k',
    title: 'SimVQ train step of 1,024 tokens over the codes, D=32',
    axis: 'codes K',
    sizes: powers(6, 16, 2),
    work: (codes) => ({ quantizer: 'simvq', op: 'train', n: 1024, dim: 32, codes, frozenDim: 32 }),
    arithmetic: 1,
  },
];

const ROUNDS = 3;
const TURN_MS = 50;
const MOST_PER_TURN = 40;

interface CurveOptions {
  readonly folder: string;
  /** So long each runs before it is timed. */
  readonly warmUpMs: number;
  /** The composition is left out at sizes beyond one where a run took longer. */
  readonly longestMs: number;
  readonly onProgress?: (share: number) => void;
}

/** Measures a curve with one thread: vqkit and the composition of its references in turns, one process each for all sizes. */
export async function measureCurve(
  { sizes, work }: Pick<Curve, 'sizes' | 'work'>,
  options: CurveOptions,
): Promise<MeasuredCurve> {
  const vqkit = startContender('vqkit', { python: undefined, threads: 1 });
  const composed = startContender('composed', { python: undefined, threads: 1 });
  try {
    const points: CurvePoint[] = [];
    let tooLong = false;
    for (const [i, size] of sizes.entries()) {
      const given = await withInputs(work(size), options.folder);
      const taking = tooLong ? [vqkit] : [vqkit, composed];
      const [ours = Number.NaN, theirs = null] = await minimaOf(taking, given, options.warmUpMs);
      if (theirs !== null && theirs > options.longestMs) tooLong = true;
      points.push({ size, vqkit: ours, composed: theirs });
      options.onProgress?.((i + 1) / sizes.length);
    }
    const { peakMiB } = await vqkit.ask<{ peakMiB: number }>({ do: 'memory' });
    return { points, peakMiB };
  } finally {
    vqkit.stop();
    composed.stop();
  }
}

async function minimaOf(contenders: readonly Contender[], work: Work, warmUpMs: number): Promise<number[]> {
  const runners: { contender: Contender; perTurn: number; best: number }[] = [];
  for (const contender of contenders) {
    await contender.ask({ do: 'prepare', work, threads: 1 });
    const perRun = await warmUp(contender, warmUpMs);
    const perTurn = Math.max(1, Math.min(MOST_PER_TURN, Math.floor(TURN_MS / perRun)));
    runners.push({ contender, perTurn, best: perRun });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const runner of runners) {
      const { timesMs } = await runner.contender.ask<{ timesMs: number[] }>({ do: 'measure', count: runner.perTurn });
      runner.best = Math.min(runner.best, ...timesMs);
    }
  }
  return runners.map(({ best }) => best);
}

/**
 * The power of the size that a time grows with: the slope of the straight line through the logarithms, least squares, over the upper
 * half of the sizes, where what a call costs at any size no longer counts.
 */
export function fittedExponent(points: readonly (readonly [size: number, time: number])[]): number {
  const upper = points
    .slice(Math.floor(points.length / 2))
    .map(([size, time]) => [Math.log(size), Math.log(time)] as const);
  const mean = (pick: 0 | 1): number => upper.reduce((sum, pair) => sum + pair[pick], 0) / upper.length;
  const [mx, my] = [mean(0), mean(1)];
  const covariance = upper.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const variance = upper.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  return covariance / variance;
}
