import type { RowEncoder } from './codec.ts';

/**
 * The search of codes of one feature: what `createPlainSearch` defines, by halving among the codes in their order.
 *
 * Rounded or not, (x - c)² never falls from the nearest code outwards, so that the codes at the smallest one are neighbours in that order: one as a
 * rule, all of them where the token is so far away that float64 does not tell them apart. Of these the lowest index is found by halving too.
 */
export function createLineSearch(codes: Float32Array): RowEncoder {
  const sorted = codes.filter(Number.isFinite).sort();
  const values = sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
  const count = values.length;
  const codebookSize = codes.length;
  const first = Math.max(0, codes.findIndex(Number.isFinite));

  /** How many values are below x. */
  const rankOf = (x: number): number => {
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[middle] as number) < x) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  // A tree: the lowest index of value v at count + v, of those below node n at n.
  const lowest = new Int32Array(2 * count).fill(codebookSize);
  for (let k = codebookSize - 1; k >= 0; k--) {
    if (Number.isFinite(codes[k])) lowest[count + rankOf(codes[k] as number)] = k;
  }
  for (let n = count - 1; n > 0; n--) {
    lowest[n] = Math.min(lowest[2 * n] as number, lowest[2 * n + 1] as number);
  }

  /** The lowest index of the values from rank `from` to before `to`. */
  const lowestOf = (from: number, to: number): number => {
    let found = codebookSize;
    for (let [a, b] = [from + count, to + count]; a < b; a >>= 1, b >>= 1) {
      if (a & 1) found = Math.min(found, lowest[a++] as number);
      if (b & 1) found = Math.min(found, lowest[--b] as number);
    }
    return found;
  };

  const square = (x: number, rank: number): number => {
    const difference = x - (values[rank] as number);
    return difference * difference;
  };

  /** The last rank from `rank` on, upwards or downwards, at this smallest square. */
  const endOf = (x: number, rank: number, least: number, step: 1 | -1): number => {
    if (square(x, rank + step) !== least) return rank;
    let [near, far] = [rank + step, step === 1 ? count : -1];
    while (near + step !== far) {
      const middle = (near + far) >> 1;
      if (square(x, middle) === least) near = middle;
      else far = middle;
    }
    return near;
  };

  return (input, indices, tokens) => {
    for (let n = 0; n < tokens; n++) {
      const x = input[n] as number;
      if (count === 0 || !Number.isFinite(x)) {
        indices[n] = first;
        continue;
      }
      const rank = rankOf(x);
      const above = rank < count ? square(x, rank) : Number.POSITIVE_INFINITY;
      const below = rank > 0 ? square(x, rank - 1) : Number.POSITIVE_INFINITY;
      const least = Math.min(above, below);
      const from = below === least ? endOf(x, rank - 1, least, -1) : rank;
      const to = above === least ? endOf(x, rank, least, 1) : rank - 1;
      indices[n] = from === to ? (lowest[count + from] as number) : lowestOf(from, to + 1);
    }
  };
}
