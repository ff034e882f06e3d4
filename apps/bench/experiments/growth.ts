import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Experiment, Outcome, Plot, Verdict } from '../src/experiment.ts';
import { CURVES, type Curve, fittedExponent, type MeasuredCurve, measureCurve } from '../src/kernels/growth.ts';
import { factsOf } from '../src/kernels/work.ts';
import { numberText } from '../src/markdown.ts';

/** A fitted exponent may be so much above the arithmetic's: caches end, and a clock is not exact. */
const TOLERANCE = 0.15;
const LONGEST_MS = 2500;
const WARM_UP_MS = 200;
const QUICK_LONGEST_MS = 150;
/** A quick run goes as far as this times the smallest size. */
const QUICK_SPAN = 256;

interface Found {
  readonly curve: Curve;
  readonly measured: MeasuredCurve;
}

export const growth: Experiment = {
  name: 'growth',
  question: 'How do the kernels grow with tokens, codes and width, and is a composition ever faster?',
  method: `One size of each work grows over several powers of two, with one thread: vqkit on WebAssembly beside the composition of its kernels'
references (on tfjs's own wasm kernels), in turns, each in a process of its own, after ${WARM_UP_MS / 1000} s of it; minimum of the repetitions. The exponent is fitted to the
upper half of the sizes in logarithms. A composition is left out beyond the size where a run of it takes ${LONGEST_MS / 1000} s.`,
  expected: `Time grows as the arithmetic does: linearly in the tokens, in the codes (for LFQ in K = 2^d) and in the width. Nothing of size N × K is
held, so that memory grows with N + K.`,
  parts: () => CURVES.length,

  async run({ part, quick, progress }): Promise<Outcome> {
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    try {
      const found: Found[] = [];
      for (const curve of CURVES) {
        const sizes = quick ? curve.sizes.filter((size) => size <= (curve.sizes[0] ?? 1) * QUICK_SPAN) : curve.sizes;
        const longestMs = quick ? QUICK_LONGEST_MS : LONGEST_MS;
        const settings = { sizes, first: curve.work(sizes[0] ?? 1), longestMs, warmUpMs: WARM_UP_MS };
        const measured = await part(curve.title, settings, () =>
          measureCurve({ sizes, work: curve.work }, { folder, longestMs, warmUpMs: WARM_UP_MS, onProgress: progress }),
        );
        found.push({ curve, measured });
      }
      return outcomeOf(found);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function outcomeOf(found: readonly Found[]): Outcome {
  const slower = found.flatMap(({ curve, measured }) =>
    measured.points
      .filter(({ vqkit, composed }) => composed !== null && composed < vqkit)
      .map(({ size, vqkit, composed }) => [curve.title, size, vqkit, composed, vqkit / (composed ?? 1)]),
  );
  const verdicts = found.map(verdictOf);
  const held = verdicts.filter(({ verdict }) => verdict === 'reproduced').length;
  return {
    tables: [
      {
        title: 'Exponents',
        columns: ['work', 'over', 'vqkit', 'composed tfjs', 'arithmetic', 'peak MiB', 'largest N × K matrix, MiB'],
        rows: found.map(({ curve, measured }) => [
          curve.title,
          curve.axis,
          exponentOf(measured, 'vqkit'),
          exponentOf(measured, 'composed'),
          curve.arithmetic,
          measured.peakMiB,
          largestMatrixMiB(curve, measured),
        ]),
      },
      {
        title: 'Milliseconds at each size',
        columns: ['work', 'size', 'vqkit', 'composed tfjs', 'times as fast'],
        rows: found.flatMap(({ curve, measured }) =>
          measured.points.map(({ size, vqkit, composed }) => [
            curve.title,
            size,
            vqkit,
            composed,
            composed === null ? null : composed / vqkit,
          ]),
        ),
      },
      {
        title: 'Where the composition is faster',
        columns: ['work', 'size', 'vqkit, ms', 'composed tfjs, ms', 'times as long'],
        rows: slower.length > 0 ? slower : [['at no size that was measured', '-', '-', '-', '-']],
      },
    ],
    plots: found.map(plotOf),
    verdicts,
    answer: [
      `**${held} of ${verdicts.length} kernels grow no faster than their arithmetic** (exponents within ${TOLERANCE}).`,
      slower.length === 0
        ? 'The composition is faster at no size that was measured, so nothing need be dispatched to it.'
        : `The composition is faster at ${slower.length} of ${found.reduce((sum, { measured }) => sum + measured.points.length, 0)} measured points, which the last table names.`,
    ].join('\n'),
    measurements: found.flatMap(({ curve, measured }) =>
      measured.points.map(({ size, vqkit }) => ({
        name: `${curve.title}, ${curve.axis} = ${size}`,
        unit: 'ms',
        better: 'lower' as const,
        samples: [vqkit],
      })),
    ),
  };
}

function exponentOf({ points }: MeasuredCurve, of: 'vqkit' | 'composed'): number | null {
  const known = points.flatMap((point) => {
    const time = point[of];
    return time === null ? [] : [[point.size, time] as const];
  });
  return known.length < 4 ? null : fittedExponent(known);
}

/** What a distance or probability for each pair of token and code would take. */
function largestMatrixMiB({ work }: Curve, { points }: MeasuredCurve): number | null {
  const last = points.at(-1);
  const largest = last === undefined ? undefined : work(last.size);
  if (largest === undefined) return null;
  const codes = factsOf(largest).codes(largest);
  return codes === undefined ? null : (4 * largest.n * codes) / 2 ** 20;
}

function verdictOf({ curve, measured }: Found): Verdict {
  const exponent = exponentOf(measured, 'vqkit');
  const text = exponent === null ? 'not measured' : exponent.toFixed(2);
  return {
    claim: `${curve.title} grows as its arithmetic`,
    expected: `exponent ≤ ${curve.arithmetic}`,
    measured: text,
    verdict:
      exponent === null
        ? 'beyond reach here'
        : exponent <= curve.arithmetic + TOLERANCE
          ? 'reproduced'
          : 'not reproduced',
    remark: '',
  };
}

function plotOf({ curve, measured }: Found): Plot {
  const { points } = measured;
  const exponent = exponentOf(measured, 'vqkit');
  const composed = points.flatMap((point) => (point.composed === null ? [] : [[point.size, point.composed] as const]));
  return {
    name: curve.name,
    title: `${curve.title}: exponent ${exponent === null ? 'not measured' : numberText(exponent, 2)}, that of its arithmetic ${curve.arithmetic}`,
    x: { label: curve.axis, scale: 'log' },
    y: { label: 'time (ms)', scale: 'log' },
    series: [
      { label: 'vqkit, wasm', points: points.map(({ size, vqkit }) => [size, vqkit] as const) },
      { label: 'composed tfjs', points: composed },
    ],
  };
}
