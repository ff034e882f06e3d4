import type { FsqAttrs } from '@vqkit/core-tensor';

/** Which bounding function comes before rounding. */
export interface FsqBound {
  /** The evenly spaced quantizer of arXiv:2411.19842 instead of the one of the FSQ paper. */
  readonly preserveSymmetry: boolean;
  /** Clamps to [-1, 1] in place of tanh. */
  readonly boundHardClamp: boolean;
}

/** The FSQ paper's widening of the bound, so that the outermost levels can be reached. */
const EPSILON = 1e-3;

/**
 * Everything that FSQ does to one element, in closed form and evaluated once in float64. `round(bound(z))` is a staircase of z
 * that never falls, so the level is the number of thresholds that z has reached:
 *
 * - default: `round(tanh(z + shift)·h - o)` with `h = (L - 1)(1 + 1e-3)/2`, `o = ½` for even L else 0, `shift = atanh(o/h)`; the
 *   step to level j lies where `tanh(z + shift)·h - o = j - ⌊L/2⌋ - ½`.
 * - preserveSymmetry: `⌊(L - 1)(tanh z + 1)/2 + ½⌋`; the step to level j lies where `tanh z = (2j - L)/(L - 1)`.
 *
 * With a hard clamp the identity takes the place of tanh and of atanh.
 */
export function fsqAttrs(levels: readonly number[], bound: FsqBound): FsqAttrs {
  const { preserveSymmetry, boundHardClamp } = bound;
  const inverse = boundHardClamp ? (y: number): number => y : Math.atanh;
  const perLevel = levels.map((count) => {
    if (preserveSymmetry) {
      return {
        thresholds: steps(count, (j) => inverse((2 * j - count) / (count - 1))),
        center: (count - 1) / 2,
        step: Math.fround(2 / (count - 1)),
        shift: 0,
        slope: 1,
      };
    }
    const half = ((count - 1) * (1 + EPSILON)) / 2;
    const offset = count % 2 === 0 ? 0.5 : 0;
    const shift = inverse(offset / half);
    const center = Math.floor(count / 2);
    return {
      thresholds: steps(count, (j) => inverse((j - center - 0.5 + offset) / half) - shift),
      center,
      step: Math.fround(1 / center),
      shift,
      slope: half / center,
    };
  });
  let weight = 1;
  const basis = levels.map((count) => {
    const own = weight;
    weight *= count;
    return own;
  });
  return {
    levels,
    thresholds: perLevel.map((p) => p.thresholds),
    centers: perLevel.map((p) => p.center),
    steps: perLevel.map((p) => p.step),
    shifts: perLevel.map((p) => p.shift),
    slopes: perLevel.map((p) => p.slope),
    hardClamp: boundHardClamp,
    basis,
  };
}

function steps(count: number, threshold: (j: number) => number): number[] {
  return Array.from({ length: count - 1 }, (_, j) => Math.fround(threshold(j + 1)));
}
