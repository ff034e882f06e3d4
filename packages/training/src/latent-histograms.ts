/** How latents lie to what they become, over a set of examples. */
export interface LatentHistograms {
  /**
   * Pairs of a latent and its code by the angle between them, in 18 bins of 10° from 0 to 180°; null where the two lie in different spaces. Half of the bins
   * lie beyond 90°, and `obtuseShare` of the statistics is their share.
   */
  readonly angles: readonly number[] | null;
  /**
   * Where features are bounded before they are rounded (FSQ), a list for each feature of a code: how often it reaches which share of its limit, in 20 bins from -1 to 1.
   * null for other quantizers.
   */
  readonly limits: readonly (readonly number[])[] | null;
}

/** Bins of a feature. */
const LIMIT_BINS = 20;

/** Counts how far features reach of their limits. */
export interface LimitMeter {
  /** Shares of the limit, as `shareOfLimit` of a quantizer gives them, in rows of `features`. */
  add(shares: Float32Array, features: number): void;
  report(): LatentHistograms['limits'];
}

export function createLimitMeter(): LimitMeter {
  let limits: number[][] | null = null;
  return {
    add(shares, features) {
      limits ??= Array.from({ length: features }, () => new Array<number>(LIMIT_BINS).fill(0));
      for (let i = 0; i < shares.length; i++) {
        const counts = limits[i % features] as number[];
        const bin = Math.min(LIMIT_BINS - 1, Math.floor(((shares[i] as number) + 1) * (LIMIT_BINS / 2)));
        counts[bin] = (counts[bin] as number) + 1;
      }
    },
    report: () => limits,
  };
}
