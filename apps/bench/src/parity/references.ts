/** The id of a vector by the paper's formula in float64, and what the decision hung on. */
export interface Reference {
  /** Features of a vector. */
  readonly dim: number;
  /** Ids of the vectors, [N, dim] → [N]. */
  ids(x: Float32Array): Int32Array;
  /** By how many ulp of float32 vector n would have to be moved, or its distances, for the given id to be the right one. */
  ulps(x: Float32Array, n: number, id: number): number;
}

/** Distance of a float32 to the next one. */
function ulpOf(value: number): number {
  return 2 ** (Math.floor(Math.log2(Math.max(Math.abs(value), 2 ** -126))) - 23);
}

/** `level_i = round(tanh(z_i + shift_i) h_i - o_i) + ⌊L_i/2⌋`, h = (L - 1)(1 + 1e-3)/2, o = ½ for even L, shift = atanh(o / h). */
export function fsqReference(levels: readonly number[]): Reference {
  const parts = levels.map((count) => {
    const half = ((count - 1) * (1 + 1e-3)) / 2;
    const offset = count % 2 === 0 ? 0.5 : 0;
    return { count, half, offset, shift: Math.atanh(offset / half) };
  });
  const bounded = (z: number, i: number): number => {
    const { half, offset, shift } = parts[i] as (typeof parts)[number];
    return Math.tanh(z + shift) * half - offset;
  };
  return {
    dim: levels.length,
    ids: (x) =>
      Int32Array.from({ length: x.length / levels.length }, (_, n) => {
        let [id, basis] = [0, 1];
        for (const [i, { count }] of parts.entries()) {
          id += basis * (Math.round(bounded(x[n * levels.length + i] as number, i)) + Math.floor(count / 2));
          basis *= count;
        }
        return id;
      }),
    ulps(x, n) {
      // The feature that is nearest to a step of its staircase.
      return Math.min(
        ...parts.map(({ half, offset, shift }, i) => {
          const z = x[n * levels.length + i] as number;
          const step = Math.floor(bounded(z, i)) + 0.5;
          return Math.abs(z - (Math.atanh((step + offset) / half) - shift)) / ulpOf(z);
        }),
      );
    },
  };
}

/** `id = Σ_i [x_i > 0] 2^(d-1-i)`. */
export function lfqReference(dim: number): Reference {
  return {
    dim,
    ids: (x) =>
      Int32Array.from({ length: x.length / dim }, (_, n) => {
        let id = 0;
        for (let i = 0; i < dim; i++) id = 2 * id + Number((x[n * dim + i] as number) > 0);
        return id;
      }),
    ulps: (x, n) => Math.min(...Array.from(x.subarray(n * dim, (n + 1) * dim), (z) => Math.abs(z) / ulpOf(z))),
  };
}

/**
 * `argmin_k Σ_i (x_i - c_ki)²`, summed from feature to feature, the lowest index of equal sums. A difference is counted in ulp of the larger
 * of |x|² and |c|², which float32 has to add up to see it.
 */
export function nearestReference(codes: Float32Array, dim: number): Reference {
  const book = Float64Array.from(codes);
  const distance = (x: Float32Array, n: number, k: number): number => {
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += ((x[n * dim + i] as number) - (book[k * dim + i] as number)) ** 2;
    return sum;
  };
  const square = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
  const nearest = (x: Float32Array, n: number): number => {
    let [index, least] = [0, Number.POSITIVE_INFINITY];
    for (let k = 0, at = 0; at < book.length; k++) {
      let sum = 0;
      for (let i = n * dim; i < (n + 1) * dim; i++, at++) {
        const difference = (x[i] as number) - (book[at] as number);
        sum += difference * difference;
      }
      if (sum < least) {
        index = k;
        least = sum;
      }
    }
    return index;
  };
  return {
    dim,
    ids(x) {
      const ids = new Int32Array(x.length / dim);
      for (let n = 0; n < ids.length; n++) ids[n] = nearest(x, n);
      return ids;
    },
    ulps(x, n, id) {
      const apart = distance(x, n, id) - distance(x, n, nearest(x, n));
      const own = square(x.subarray(n * dim, (n + 1) * dim));
      return apart / ulpOf(Math.max(own, square(codes.subarray(id * dim, (id + 1) * dim))));
    },
  };
}
