/** How values along one axis become others: value `o` is `Σ_k weights[o][k] · x[at[o][k]]`. */
export interface Resampling {
  readonly from: number;
  readonly at: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

type Taps = readonly (readonly [at: number, weight: number])[];

function resampling(from: number, to: number, tapsOf: (o: number) => Taps): Resampling {
  const taps = Array.from({ length: to }, (_, o) => tapsOf(o));
  return {
    from,
    at: taps.map((own) => own.map(([at]) => at)),
    weights: taps.map((own) => own.map(([, weight]) => weight)),
  };
}

/** The means of the places that each new one covers, as `interpolate(mode='area')` of PyTorch. */
export function area(from: number, to: number): Resampling {
  return resampling(from, to, (o) => {
    const first = Math.floor((o * from) / to);
    const count = Math.ceil(((o + 1) * from) / to) - first;
    return Array.from({ length: count }, (_, k) => [first + k, 1 / count] as const);
  });
}

/** Straight lines between places, as `interpolate(mode='bilinear')`, `align_corners=False`. */
export function linear(from: number, to: number): Resampling {
  return resampling(from, to, (o) => {
    const place = Math.max(0, ((o + 0.5) * from) / to - 0.5);
    const first = Math.min(from - 1, Math.floor(place));
    const rest = place - first;
    return [
      [first, 1 - rest],
      [Math.min(from - 1, first + 1), rest],
    ];
  });
}

/** Cubic convolution, A = -3/4, as `interpolate(mode='bicubic')`, `align_corners=False`. */
export function cubic(from: number, to: number): Resampling {
  const near = (t: number): number => (1.25 * t - 2.25) * t * t + 1;
  const far = (t: number): number => ((-0.75 * t + 3.75) * t - 6) * t + 3;
  return resampling(from, to, (o) => {
    const place = ((o + 0.5) * from) / to - 0.5;
    const first = Math.floor(place);
    const t = place - first;
    return [far(t + 1), near(t), near(1 - t), far(2 - t)].map((weight, k) => {
      return [Math.min(from - 1, Math.max(0, first - 1 + k)), weight] as const;
    });
  });
}
