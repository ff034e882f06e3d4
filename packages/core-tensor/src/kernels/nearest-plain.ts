import type { KernelBackend, KernelFunc, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { ScoredSpace } from '../codec.ts';
import { createPlainSearch } from '../plain-search.ts';

/** As in `nearestCode`: what cannot be scored. */
const LIMIT = 2 ** 56;
const LOWEST = -(2 ** 127);

/** A search of codes, and what it is made of: data of a tensor are never written in place. */
interface KnownSearch {
  readonly made: readonly (object | undefined)[];
  /** Queries and distances are those of the tokens. */
  readonly run: (x: Float32Array, indices: Int32Array, queries?: Float32Array, moved?: Float32Array) => void;
}

/** By the data of their codes. */
const searches = new WeakMap<object, KnownSearch>();

/** NearestCodeExact on tfjs's cpu engine: JavaScript's numbers are float64. */
export const nearestCodeExactPlain: KernelFunc = ({ inputs, backend }) => {
  const { x, codes } = inputs as { x: TensorInfo; codes: TensorInfo };
  const { queries, keys, bias, moved, slack } = inputs;
  const made = [keys, bias, slack].map((tensor) => tensor?.dataId);
  let search = searches.get(codes.dataId);
  if (search === undefined || made.some((data, i) => data !== search?.made[i])) {
    search = { made, run: createSearch(inputs, backend) };
    searches.set(codes.dataId, search);
  }
  const indices = new Int32Array(x.shape[0] as number);
  const given = [queries, moved].map((tensor) => tensor && floatsOf(tensor, backend));
  search.run(floatsOf(x, backend), indices, ...given);
  return [written(indices, backend)];
};

function createSearch({ codes, keys, bias, slack }: NamedTensorInfoMap, backend: unknown): KnownSearch['run'] {
  const floats = (tensor: TensorInfo | undefined): Float32Array => floatsOf(tensor as TensorInfo, backend);
  const dim = codes?.shape[1] as number;
  let rows: Float32Array;
  let distances: Float32Array;
  const width = keys?.shape[1] ?? 0;
  const space: ScoredSpace | undefined = keys && {
    width,
    keys: floats(keys),
    biases: floats(bias),
    slack: [...floats(slack)] as unknown as ScoredSpace['slack'],
    setQuery: (_, token, to, at) => {
      for (let i = 0, from = token * width; i < width; i++) to[at + i] = rows[from++] as number;
      let squares = 0;
      for (let i = token * dim; i < (token + 1) * dim; i++) squares += (distances[i] as number) ** 2;
      return 1.01 * Math.sqrt(squares);
    },
  };
  const search = createPlainSearch({ codes: floats(codes), dim, space });
  return (x, indices, queries = x, moved = x) => {
    rows = queries;
    distances = moved;
    search(x, indices, indices.length);
  };
}

/** NearestCode on tfjs's cpu engine, where an operation on a tile of scores costs more than adding them up: scores in float64. */
export const nearestCodePlain: KernelFunc = ({ inputs, backend }) => {
  const { x, keys, bias } = inputs as { x: TensorInfo; keys: TensorInfo; bias: TensorInfo };
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
  const query = new Float64Array(features);
  for (let row = 0; row < tokens; row++) {
    query.set(rows.subarray(row * features, (row + 1) * features));
    let index = 0;
    if (query.every(isUsable)) {
      let best = Number.NEGATIVE_INFINITY;
      for (let k = 0, at = 0; k < biases.length; k++) {
        let score = biases[k] as number;
        for (let i = 0; i < features; i++, at++) score += (query[i] as number) * (book[at] as number);
        if (score > best) {
          best = score;
          index = k;
        }
      }
    }
    indices[row] = index;
  }
  return [written(indices, backend)];
};

function isUsable(value: number): boolean {
  return Math.abs(value) < LIMIT;
}

/** The values of a tensor of the cpu engine, which has them at hand. */
function floatsOf({ dataId }: TensorInfo, backend: unknown): Float32Array {
  return (backend as KernelBackend).readSync(dataId) as Float32Array;
}

function written(indices: Int32Array, backend: unknown): TensorInfo {
  const shape = [indices.length];
  return { dataId: (backend as KernelBackend).write(indices, shape, 'int32'), shape, dtype: 'int32' };
}
