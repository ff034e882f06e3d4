import type { FsqAttrs } from '@vqkit/core-tensor/codec';

/** Those that have a symmetric form come first. */
export const FSQ_BOUNDS = ['reference', 'hardClamp', 'official', 's3Tokenizer', 'twice'] as const;

/**
 * Whose bounding function comes before rounding, with L levels and ε = 10⁻³; a model keeps its ids only under the one that it was
 * trained with.
 *
 * | name          | function                                  | h                  | s           |
 * | ------------- | ----------------------------------------- | ------------------ | ----------- |
 * | `reference`   | tanh: vector-quantize-pytorch             | (L - 1)(1 + ε)/2   | atanh(o/h)  |
 * | `official`    | tanh: the notebook of the FSQ paper       | (L - 1)(1 - ε)/2   | tan(o/h)    |
 * | `s3Tokenizer` | tanh: S3Tokenizer of CosyVoice, L = 3     | 1 - ε in float32   | 0           |
 * | `hardClamp`   | a clamp to [-1, 1]                        | (L - 1)(1 + ε)/2   | o/h         |
 * | `twice`       | `reference` of what `reference` gives     | (L - 1)(1 + ε)/2   | atanh(o/h)  |
 *
 * `twice` is ResidualFSQ of vector-quantize-pytorch of December 2023 to October 2024 (1.18.2), and so X-Codec2 and NeuCodec. It has thresholds, and codecs
 * have it; what trains has not.
 */
export type FsqBound = (typeof FSQ_BOUNDS)[number];

/** Everything that decides where the levels are. */
export interface FsqQuantizer {
  readonly bound: FsqBound;
  /** The evenly spaced quantizer of arXiv:2411.19842 instead of the one of the FSQ paper. */
  readonly preserveSymmetry: boolean;
}

const EPSILON = 1e-3;

/**
 * Everything that FSQ does to one element, in closed form and evaluated once in float64. `round(bound(z))` is a staircase of z
 * that never falls, so the level is the number of thresholds that z has reached:
 *
 * - default: `round(tanh(z + s)·h - o)` with h and s of {@link FsqBound}, `o = ½` for even L else 0; the step to level j lies where
 *   `tanh(z + s)·h - o = j - ⌊L/2⌋ - ½`.
 * - preserveSymmetry: `⌊(L - 1)(tanh z + 1)/2 + ½⌋`; the step to level j lies where `tanh z = (2j - L)/(L - 1)`.
 *
 * With a hard clamp the identity takes the place of tanh and of atanh.
 */
export function fsqAttrs(levels: readonly number[], { bound, preserveSymmetry }: FsqQuantizer): FsqAttrs {
  const hardClamp = bound === 'hardClamp';
  const inverse = hardClamp ? (y: number): number => y : Math.atanh;
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
    const half = halfRange(count, bound);
    const offset = count % 2 === 0 ? 0.5 : 0;
    const shift = bound === 'official' ? Math.tan(offset / half) : inverse(offset / half);
    const center = Math.floor(count / 2);
    const unbound = (y: number): number => inverse((y + offset) / half) - shift;
    return {
      thresholds: steps(count, (j) => {
        const once = unbound(j - center - 0.5);
        return bound === 'twice' ? unbound(once) : once;
      }),
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
    hardClamp,
    basis,
  };
}

function steps(count: number, threshold: (j: number) => number): number[] {
  return Array.from({ length: count - 1 }, (_, j) => Math.fround(threshold(j + 1)));
}

/** h: half the width of what is rounded. */
function halfRange(count: number, bound: FsqBound): number {
  if (bound === 's3Tokenizer') return Math.fround(1 - EPSILON);
  return ((count - 1) * (bound === 'official' ? 1 - EPSILON : 1 + EPSILON)) / 2;
}
