import type { KernelBackend, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { ScoredSpace } from '../codec.ts';
import { createPlainSearch } from '../plain-search.ts';

/** As in `nearestCode`: what cannot be scored. */
const LIMIT = 2 ** 56;
const LOWEST = -(2 ** 127);

/** NearestCodeExact on tfjs's cpu engine: JavaScript's numbers are float64. */
export const nearestCodeExactPlain: KernelFunc = ({ inputs, backend }) => {
  const { x, codes } = inputs as { x: TensorInfo; codes: TensorInfo };
  const { queries, keys, bias, moved, slack } = inputs;
  const [tokens, dim] = x.shape as [number, number];
  const floats = (tensor: TensorInfo): Float32Array => floatsOf(tensor, backend);
  let space: ScoredSpace | undefined;
  if (queries && keys && bias && moved && slack) {
    const width = keys.shape[1] as number;
    const [rows, distances] = [floats(queries), floats(moved)];
    space = {
      width,
      keys: floats(keys),
      biases: floats(bias),
      slack: [...floats(slack)] as unknown as ScoredSpace['slack'],
      setQuery: (_, token, to, at) => {
        to.set(rows.subarray(token * width, (token + 1) * width), at);
        let squares = 0;
        for (let i = token * dim; i < (token + 1) * dim; i++) squares += (distances[i] as number) ** 2;
        return 1.01 * Math.sqrt(squares);
      },
    };
  }
  const indices = new Int32Array(tokens);
  createPlainSearch({ codes: floats(codes), dim, space })(floats(x), indices, tokens);
  return [written(indices, 'int32', backend)];
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
