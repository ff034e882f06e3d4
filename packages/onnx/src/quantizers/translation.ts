import type { Quantizer } from '@vqkit/core-tensor';
import type { Graph } from '../graph.ts';
import type { Weight, Weights } from '../state.ts';

/** What a quantizer does to N tokens, in operations of ONNX. */
export interface Translation {
  /** float32 [N, dim] → int32 [N, numCodebooks]. */
  encode(graph: Graph, tokens: string): string;
  /** int32 [N, numCodebooks], all of them in range → float32 [N, dim]. */
  codes(graph: Graph, ids: string): string;
  /** The same for any ids: a token of nothing but -1 gives 0, any other that is out of range gives NaN. */
  decode(graph: Graph, ids: string): string;
}

/** How quantizers of one method are translated: those of a `kind`, or all that are made of `members`. */
export interface Translator {
  readonly kind?: string;
  readonly members?: 'layers' | 'groups';
  translate(quantizer: Quantizer, place: Place): Promise<Translation>;
}

/** Where a quantizer is translated. */
interface Place {
  /** The function that was called, for errors. */
  readonly where: string;
  /** The quantizer in the model: its parameters are stored under it. */
  readonly path: string;
  /** Translates a quantizer that this one is made of. */
  member(quantizer: Quantizer, path: string): Promise<Translation>;
}

/** A translation whose every id counts from 0 to the same size. */
export function withAnyIds(size: number, { encode, codes }: Omit<Translation, 'decode'>): Translation {
  return {
    encode,
    codes,
    decode(graph, ids) {
      const zero = graph.int32([0], []);
      const inRange = graph.node('And', [
        graph.node('GreaterOrEqual', [ids, zero]),
        graph.node('Less', [ids, graph.int32([size], [])]),
      ]);
      const found = codes(graph, graph.node('Where', [inRange, ids, zero]));
      const padding = graph.node('Where', [
        isPadding(graph, ids),
        graph.floats([0], []),
        graph.floats([Number.NaN], []),
      ]);
      return graph.node('Where', [all(graph, inRange), found, padding]);
    },
  };
}

/** bool [N, C] → [N, 1]: whether every one of a row holds. */
function all(graph: Graph, flags: string): string {
  return graph.cast(graph.node('ReduceMin', [graph.cast(flags, 'int32')], { axes: [1], keepdims: 1 }), 'bool');
}

/** bool [N, C] → [N, 1]: whether one of a row holds. */
export function any(graph: Graph, flags: string): string {
  return graph.cast(graph.node('ReduceMax', [graph.cast(flags, 'int32')], { axes: [1], keepdims: 1 }), 'bool');
}

/** int32 [N, C] → bool [N, 1]: whether a token has no id at all. */
export function isPadding(graph: Graph, ids: string): string {
  return all(graph, graph.node('Equal', [ids, graph.int32([-1], [])]));
}

/** Rows of so many numbers, from rows of `held`. */
export function rowsOf(graph: Graph, x: string, held: number, width: number): string {
  return held === width ? x : graph.node('Reshape', [x, graph.int64([-1, width])]);
}

/** Columns from one to before another of [N, C]. */
export function columns(graph: Graph, x: string, from: number, to: number): string {
  return graph.node('Slice', [x, graph.int64([from]), graph.int64([to]), graph.int64([1])]);
}

export function joined(graph: Graph, parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] as string) : graph.node('Concat', parts, { axis: 1 });
}

/** The linear layer of a state dict, or nothing where it has none of that name. */
export function project(
  graph: Graph,
  x: string,
  { state, path, name }: { state: Weights; path: string; name: string },
): string {
  const weight = state.get(`${name}.weight`);
  if (weight === undefined) return x;
  const bias = state.get(`${name}.bias`);
  const initialiser = (part: string, { shape, values }: Weight): string =>
    graph.weight(`${path}.${name}.${part}`, shape, values);
  const operands = [x, initialiser('weight', weight), ...(bias === undefined ? [] : [initialiser('bias', bias)])];
  return graph.at(`${path}.${name}`).node('Gemm', operands, { transB: 1 });
}

/** The fixed rotation of a state dict, or its inverse; nothing where there is none. */
export function rotate(
  graph: Graph,
  x: string,
  { state, path, inverse }: { state: Weights; path: string; inverse: boolean },
): string {
  const rotation = state.get('orthogonal_rot');
  if (rotation === undefined) return x;
  const weight = graph.weight(`${path}.orthogonal_rot`, rotation.shape, rotation.values);
  return graph.node('Gemm', [x, weight], { transB: inverse ? 1 : 0 });
}
