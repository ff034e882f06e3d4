/** Quartiles, interpolated. */
export interface Summary {
  readonly low: number;
  readonly firstQuarter: number;
  readonly median: number;
  readonly lastQuarter: number;
  readonly high: number;
  readonly count: number;
}

/** Order statistics of the samples. */
export function summary(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((x, y) => x - y);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const [lower, upper] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN];
    return lower + (upper - lower) * (place - Math.floor(place));
  };
  return {
    low: at(0),
    firstQuarter: at(0.25),
    median: at(0.5),
    lastQuarter: at(0.75),
    high: at(1),
    count: sorted.length,
  };
}

/**
 * The least, the quartiles and the largest of more than five samples: five numbers whose order statistics are those of all. The one in the
 * middle is a sample, of two the upper.
 */
export function fiveNumbers(samples: readonly number[]): readonly number[] {
  if (samples.length <= 5) return samples;
  const { low, firstQuarter, lastQuarter, high } = summary(samples);
  const middle = [...samples].sort((x, y) => x - y)[samples.length >> 1] as number;
  return [low, firstQuarter, middle, lastQuarter, high];
}
