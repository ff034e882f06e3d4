import { count } from '@vqkit/checkpoint';
import { DataError, OptionError, phrase, ShapeError, shorten } from '@vqkit/core-tensor/errors';
import { floatsOf } from '@vqkit/core-tensor/plain-tensor';
import type { Projection } from '@vqkit/residual/codec';
import type { Weights } from './read/weights.ts';

/** A matrix of a file, row by row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** A projection, and its shape. */
type Linear = Projection & Pick<Matrix, 'rows' | 'columns'>;

/** The tensors below a prefix, read by the names that a model's code gives them. */
export interface View {
  has(key: string): boolean;
  /** The tensors below a prefix of this one, such as `layers.0.`. */
  at(prefix: string): View;
  /** A shape that fits; `rule` says which do. */
  shape(key: string, fits: (shape: readonly number[]) => boolean, rule: string): readonly number[];
  floats(key: string): Promise<Float32Array>;
  /** Throws where a key of these is there. */
  none(isKey: (key: string) => boolean, rule: string): void;
}

const FIX = 'Pass a whole file, or another model.';

/** The view of a file's tensors whose names begin with `prefix`. */
export function viewOf(where: string, weights: Weights, prefix: string): View {
  return {
    has: (key) => weights.tensors.has(prefix + key),
    at: (inner) => viewOf(where, weights, prefix + inner),
    shape(key, fits, rule) {
      const name = `'${shorten(prefix + key)}'`;
      const shape = weights.tensors.get(prefix + key)?.shape;
      if (shape === undefined) {
        throw new OptionError(where, weights.name, `hold ${name}`, phrase('no such tensor'), FIX);
      }
      if (fits(shape)) return shape;
      throw new ShapeError(where, `${name} of ${weights.name}`, `be of shape ${rule}`, shape, 'Pass another model.');
    },
    async floats(key) {
      const values = floatsOf(where, prefix + key, await weights.read(prefix + key));
      requireFinite(where, `'${shorten(prefix + key)}' of ${weights.name}`, values, FIX);
      return values;
    },
    none(isKey, rule) {
      for (const name of weights.tensors.keys()) {
        if (!name.startsWith(prefix) || !isKey(name.slice(prefix.length))) continue;
        throw new OptionError(where, weights.name, rule, phrase(`'${shorten(name)}'`), FIX);
      }
    },
  };
}

/** NaN and infinities are nearest to nothing, and would have ids all the same. */
export function requireFinite(where: string, argument: string, values: Float32Array, fix: string): void {
  let none = 0;
  for (let i = 0; i < values.length; i++) none += (values[i] as number) - (values[i] as number);
  if (none === 0) return;
  const found = values.find((value) => !Number.isFinite(value));
  throw new DataError(where, argument, 'be finite', found, fix);
}

/** [rows, columns], of so many where they are given, or the kernel of a convolution of size 1, [rows, columns, 1, …]. */
export async function matrixOf(view: View, key: string, rows?: number, columns?: number): Promise<Matrix> {
  const [ofRows = 0, ofColumns = 0] = view.shape(
    key,
    ([a = 0, b = 0, ...rest]) =>
      a > 0 && b > 0 && rest.every((axis) => axis === 1) && (rows ?? a) === a && (columns ?? b) === b,
    `[${rows ?? 'rows'}, ${columns ?? 'columns'}]`,
  );
  return { rows: ofRows, columns: ofColumns, values: await view.floats(key) };
}

/** [length]; axes of 1 count for nothing. */
export async function vectorOf(view: View, key: string, length: number): Promise<Float32Array> {
  view.shape(key, (shape) => count(shape) === length && Math.max(...shape) === length, `[${length}]`);
  return view.floats(key);
}

/** The length of a vector, without reading it. */
export function lengthOf(view: View, key: string): number {
  return count(view.shape(key, (shape) => shape.length === 1 && count(shape) > 0, '[length]'));
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
export async function projectionOf(view: View, rows?: number, columns?: number): Promise<Linear> {
  const [g, v] = NORMED.find(([length]) => view.has(length)) ?? [undefined, 'weight'];
  const linear = await linearOf(view, rows, columns, v);
  return g === undefined ? linear : { ...linear, weight: foldNorm(linear, await vectorOf(view, g, linear.rows)) };
}

/** W and b of one whose weight is kept plain. */
export async function linearOf(view: View, rows?: number, columns?: number, key = 'weight'): Promise<Linear> {
  const { values: weight, ...shape } = await matrixOf(view, key, rows, columns);
  return { ...shape, weight, bias: view.has('bias') ? await vectorOf(view, 'bias', shape.rows) : undefined };
}

function foldNorm({ rows, columns, weight }: Linear, lengths: Float32Array): Float32Array {
  const folded = new Float32Array(weight.length);
  for (let row = 0; row < rows; row++) {
    const own = weight.subarray(row * columns, (row + 1) * columns);
    const factor = (lengths[row] as number) / Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < columns; i++) folded[row * columns + i] = (own[i] as number) * factor;
  }
  return folded;
}

/** The prefixes `layers.0.`, `layers.1.`, … for which a key is there; none may be left out. */
export function layersOf(view: View, name: string, isLayer: (layer: View) => boolean): View[] {
  const layers: View[] = [];
  for (;;) {
    const layer = view.at(`${name}.${layers.length}.`);
    if (!isLayer(layer)) break;
    layers.push(layer);
  }
  const start = `${name}.`;
  const isLater = (key: string): boolean =>
    key.startsWith(start) && parseInt(key.slice(start.length), 10) >= layers.length;
  view.none(isLater, `hold a whole '${shorten(name)}.${layers.length}'`);
  return layers;
}
