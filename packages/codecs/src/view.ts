import { count } from '@vqkit/checkpoint';
import { OptionError, phrase, ShapeError, shorten, show } from '@vqkit/core-tensor/errors';
import { floatsOf } from '@vqkit/core-tensor/plain-tensor';
import type { Projection } from '@vqkit/residual/codec';
import type { TensorInfo } from './read/open-file.ts';
import type { Weights } from './read/weights.ts';

/** A matrix of a file, row by row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** The tensors below a prefix, read by the names that a model's code gives them. */
export interface View {
  has(key: string): boolean;
  /** The tensors below a prefix of this one, such as `layers.0.`. */
  at(prefix: string): View;
  /** [rows, columns], or the kernel of a convolution of size 1, [rows, columns, 1, …]. */
  matrix(key: string): Promise<Matrix>;
  /** The length of a vector. */
  length(key: string): Promise<number>;
  /** [length]; axes of 1 count for nothing. */
  vector(key: string, length: number): Promise<Float32Array>;
  /** The kernel of a convolution of dim to dim channels, [dim, dim, size, size]. */
  convolution(key: string, dim: number, size: number): Promise<Float32Array>;
  /** The output channels of a layer, from `least` to `most`, without reading it. */
  outputs(key: string, least: number, most: number): number;
  /** A matrix whose values are of this many rows or columns, where one is given. */
  sized(key: string, rows: number | undefined, columns: number | undefined): Promise<Matrix>;
}

/** The view of a file's tensors whose names begin with `prefix`. */
export function viewOf(where: string, weights: Weights, prefix: string): View {
  const infoOf = (key: string): TensorInfo => {
    const info = weights.tensors.get(prefix + key);
    if (info !== undefined) return info;
    throw new OptionError(
      where,
      weights.name,
      `hold '${shorten(prefix + key)}'`,
      phrase('no such tensor'),
      'Pass a whole file, or another model.',
    );
  };
  const refuse = (key: string, shape: readonly number[], rule: string): never => {
    throw new ShapeError(
      where,
      `'${shorten(prefix + key)}' of ${weights.name}`,
      `be of shape ${rule}`,
      shape,
      'Pass another model.',
    );
  };
  const read = async (
    key: string,
    fits: (shape: readonly number[]) => boolean,
    rule: string,
  ): Promise<Float32Array> => {
    const { shape } = infoOf(key);
    if (!fits(shape)) refuse(key, shape, rule);
    return floatsOf(where, prefix + key, await weights.read(prefix + key));
  };
  const view: View = {
    has: (key) => weights.tensors.has(prefix + key),
    at: (inner) => viewOf(where, weights, prefix + inner),
    async length(key) {
      await read(key, (shape) => shape.length === 1 && (shape[0] as number) > 0, '[length]');
      return weights.tensors.get(prefix + key)?.shape[0] ?? 0;
    },
    matrix: (key) => view.sized(key, undefined, undefined),
    vector: (key, length) =>
      read(key, (shape) => count(shape) === length && Math.max(...shape) === length, `[${length}]`),
    convolution: (key, dim, size) =>
      read(key, (shape) => show(shape) === show([dim, dim, size, size]), show([dim, dim, size, size])),
    outputs(key, least, most) {
      const shape = infoOf(key).shape;
      const [outputs = 0] = shape;
      if (outputs >= least && outputs <= most) return outputs;
      return refuse(key, shape, `[${least === most ? least : `${least} to ${most}`}, …]`);
    },
    async sized(key, rows, columns) {
      const [ofRows = 0, ofColumns = 0] = weights.tensors.get(prefix + key)?.shape ?? [];
      const values = await read(
        key,
        ([a = 0, b = 0, ...rest]) =>
          a > 0 && b > 0 && rest.every((axis) => axis === 1) && (rows ?? a) === a && (columns ?? b) === b,
        `[${rows ?? 'rows'}, ${columns ?? 'columns'}]`,
      );
      return { rows: ofRows, columns: ofColumns, values };
    },
  };
  return view;
}

/** Where torch keeps a weight: plain, or as g · v / ‖v‖ with one length per row, by either of its names. */
const NORMED = [
  ['weight_g', 'weight_v'],
  ['parametrizations.weight.original0', 'parametrizations.weight.original1'],
] as const;

/** The keys of a linear layer or a convolution of size 1, whichever way its weight is kept. */
export function hasProjection(view: View): boolean {
  return view.has('weight') || NORMED.some(([g]) => view.has(g));
}

/** W and b of one; a normed weight is folded in float64 and rounded once. */
export async function projectionOf(view: View, rows?: number, columns?: number): Promise<Projection & Matrix> {
  const [g, v] = NORMED.find(([length]) => view.has(length)) ?? [undefined, 'weight'];
  const weight = await view.sized(v, rows, columns);
  const values = g === undefined ? weight.values : foldNorm(weight, await view.vector(g, weight.rows));
  const bias = view.has('bias') ? await view.vector('bias', weight.rows) : undefined;
  return { ...weight, values, weight: values, bias };
}

function foldNorm({ rows, columns, values }: Matrix, lengths: Float32Array): Float32Array {
  const folded = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * columns, (row + 1) * columns);
    const factor = (lengths[row] as number) / Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < columns; i++) folded[row * columns + i] = (own[i] as number) * factor;
  }
  return folded;
}

/** The prefixes `layers.0.`, `layers.1.`, … for which a key is there. */
export function layersOf(view: View, name: string, isLayer: (layer: View) => boolean): View[] {
  const layers: View[] = [];
  for (;;) {
    const layer = view.at(`${name}.${layers.length}.`);
    if (!isLayer(layer)) return layers;
    layers.push(layer);
  }
}
