/** Curves over one axis that keep their whole range in a bounded number of points. */
export interface Curves {
  /** Adds a point to each; NaN where a curve has none. The axis must grow. */
  push(x: number, values: readonly number[]): void;
  clear(): void;
  /** The axis and the curves; null where there is no point. Points are means of neighbours once there are too many. */
  data(): [number[], ...(number | null)[][]];
}

interface Sums {
  points: number;
  x: number;
  readonly sums: number[];
  readonly counts: number[];
}

/** @param capacity points at most: twice as many are thinned to as many, so that memory stays the same however long a run is. */
export function createCurves(columns: number, capacity = 500): Curves {
  let stride = 1;
  let xs: number[] = [];
  let ys: number[][] = [];
  let open: Sums = nothing(columns);

  const clear = (): void => {
    stride = 1;
    xs = [];
    ys = Array.from({ length: columns }, () => []);
    open = nothing(columns);
  };
  const close = (): void => {
    xs.push(open.x / open.points);
    for (const [c, column] of ys.entries()) column.push(meanAt(open, c));
    open = nothing(columns);
  };
  clear();

  return {
    push(x, values) {
      open.points++;
      open.x += x;
      for (const [c, value] of values.entries()) {
        if (!Number.isFinite(value)) continue;
        open.sums[c] = (open.sums[c] ?? 0) + value;
        open.counts[c] = (open.counts[c] ?? 0) + 1;
      }
      if (open.points < stride) return;
      close();
      if (xs.length < 2 * capacity) return;
      xs = halved(xs);
      ys = ys.map(halved);
      stride *= 2;
    },
    clear,
    data() {
      const rest = open.points > 0;
      const axis = rest ? [...xs, open.x / open.points] : [...xs];
      return [axis, ...ys.map((column, c) => (rest ? [...column, meanAt(open, c)] : column).map(orNull))];
    },
  };
}

function nothing(columns: number): Sums {
  return { points: 0, x: 0, sums: new Array<number>(columns).fill(0), counts: new Array<number>(columns).fill(0) };
}

function meanAt({ sums, counts }: Sums, column: number): number {
  return (sums[column] ?? 0) / (counts[column] ?? 0);
}

/** Means of neighbours; where one has no value, the other's. */
function halved(values: readonly number[]): number[] {
  return Array.from({ length: values.length / 2 }, (_, i) => {
    const [a, b] = [values[2 * i] as number, values[2 * i + 1] as number];
    if (Number.isNaN(a)) return b;
    return Number.isNaN(b) ? a : (a + b) / 2;
  });
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
