import type { KernelBackend, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

/** As in `nearestCode`: what cannot be searched. */
const LIMIT = 2 ** 56;
const LOWEST = -(2 ** 127);

/**
 * `argmin_k Σ_i (x_i - c_ki)²` in float64, added up from feature to feature, the lowest index of equal sums: what an exact search finds,
 * in plain JavaScript.
 *
 * @param codes [K, features]; one with a NaN, an infinity or a magnitude of 2^56 or more is never chosen.
 * @returns the search of one row of x, [N, features]: index 0 for a row that holds such a number.
 * @example
 * const nearest = nearestFloat64(Float32Array.of(0, 1), 1);
 * nearest(Float32Array.of(0.2, 0.9), 1); // 1
 */
export function nearestFloat64(codes: Float32Array, features: number): (x: Float32Array, row: number) => number {
  const book = Float64Array.from(codes);
  for (let start = 0; start < book.length; start += features) {
    const code = book.subarray(start, start + features);
    if (!code.every(isUsable)) code.fill(Number.POSITIVE_INFINITY);
  }
  const query = new Float64Array(features);
  return (x, row) => {
    query.set(x.subarray(row * features, (row + 1) * features));
    if (!query.every(isUsable)) return 0;
    let [index, least] = [0, Number.POSITIVE_INFINITY];
    for (let k = 0, at = 0; at < book.length; k++) {
      let sum = 0;
      for (let i = 0; i < features; i++, at++) {
        const difference = (query[i] as number) - (book[at] as number);
        sum += difference * difference;
      }
      if (sum < least) {
        index = k;
        least = sum;
      }
    }
    return index;
  };
}

/** NearestCodeExact on tfjs's cpu engine: JavaScript's numbers are float64. */
export const nearestCodeExactPlain: KernelFunc = ({ inputs, backend }) => {
  const { x, codes } = inputs as { x: TensorInfo; codes: TensorInfo };
  const [tokens, features] = x.shape as [number, number];
  const [rows, book] = [x, codes].map((tensor) => floatsOf(tensor, backend)) as [Float32Array, Float32Array];
  const nearest = nearestFloat64(book, features);
  return [
    written(
      Int32Array.from({ length: tokens }, (_, row) => nearest(rows, row)),
      'int32',
      backend,
    ),
  ];
};

/** NearestCode on tfjs's cpu engine, where an operation on a tile of scores costs more than adding them up: scores in float64. */
export const nearestCodePlain: KernelFunc = ({ inputs, attrs, backend }) => {
  const { x, keys, bias } = inputs as { x: TensorInfo; keys: TensorInfo; bias: TensorInfo };
  const { withScores } = attrs as unknown as { withScores: boolean };
  const [tokens, features] = x.shape as [number, number];
  const [rows, biases] = [floatsOf(x, backend), Float64Array.from(floatsOf(bias, backend))];
  const book = Float64Array.from(floatsOf(keys, backend));
  for (let k = 0; k < biases.length; k++) {
    const key = book.subarray(k * features, (k + 1) * features);
    if (key.every(isUsable) && Math.abs(biases[k] as number) < -LOWEST) continue;
    key.fill(0);
    biases[k] = LOWEST;
  }
  const indices = new Int32Array(tokens);
  const scores = [0, 1].map(() => new Float32Array(withScores ? tokens : 0)) as [Float32Array, Float32Array];
  const query = new Float64Array(features);
  for (let row = 0; row < tokens; row++) {
    query.set(rows.subarray(row * features, (row + 1) * features));
    let [index, best, second] = [0, Number.NaN, Number.NaN];
    if (query.every(isUsable)) {
      [best, second] = [Number.NEGATIVE_INFINITY, LOWEST];
      for (let k = 0, at = 0; k < biases.length; k++) {
        let score = biases[k] as number;
        for (let i = 0; i < features; i++, at++) score += (query[i] as number) * (book[at] as number);
        if (score > best) {
          second = Math.max(best, LOWEST);
          best = score;
          index = k;
        } else if (score > second) {
          second = score;
        }
      }
    }
    indices[row] = index;
    if (!withScores) continue;
    scores[0][row] = best;
    scores[1][row] = second;
  }
  const found = written(indices, 'int32', backend);
  return withScores ? [found, ...scores.map((values) => written(values, 'float32', backend))] : [found];
};

function isUsable(value: number): boolean {
  return Math.abs(value) < LIMIT;
}

/** The values of a tensor of the cpu engine, which has them at hand. */
function floatsOf({ dataId }: TensorInfo, backend: unknown): Float32Array {
  return (backend as KernelBackend).readSync(dataId) as Float32Array;
}

function written(values: Int32Array | Float32Array, dtype: 'int32' | 'float32', backend: unknown): TensorInfo {
  const shape = [values.length];
  return { dataId: (backend as KernelBackend).write(values, shape, dtype), shape, dtype };
}
