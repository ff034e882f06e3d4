import type { Graph } from '../graph.ts';
import type { Weight } from '../state.ts';

/** A codebook that is searched and read. */
export interface Codebook {
  /** Name of the table in the file. */
  readonly name: string;
  readonly table: Weight;
  /** Compares directions: rows are put at length 1, as the codes are. */
  readonly cosine: boolean;
}

/** The square of the length up to which there is no direction. */
const NO_DIRECTION = 1e-24;

/**
 * float32 [N, d] → int32 [N, 1]: the nearest code, the first of equally near ones. Distances are computed in float64 about the mean of the codes, as
 * `⟨x, c⟩ - |c|²/2`, which is largest for the nearest. A code that is not finite, or for cosine similarity has no direction, is never chosen while there is another;
 * a token that is such gets the first code that can be chosen.
 */
export function nearest(graph: Graph, rows: string, { name, table, cosine }: Codebook): string {
  const codes = graph.weight(name, table.shape, table.values);
  const { first, unusable } = usable(table, cosine);
  const x = graph.cast(rows, 'float64');
  const squared = graph.node('ReduceSumSquare', [x], { axes: [1], keepdims: 1 });
  const finite = graph.node('Less', [squared, graph.doubles([Number.POSITIVE_INFINITY], [])]);
  const counts = cosine
    ? graph.node('And', [finite, graph.node('Greater', [squared, graph.doubles([NO_DIRECTION], [])])])
    : finite;
  const one = graph.doubles([1], []);
  const unit = cosine ? graph.node('Div', [x, graph.node('Sqrt', [graph.node('Where', [counts, squared, one])])]) : x;
  const safe = graph.node('Where', [counts, unit, graph.doubles([0], [])]);

  // Of constants alone: a runtime computes these once, when it loads the file.
  const skipped = unusable.length === 0 ? undefined : mask(graph, unusable, table.shape[0] as number);
  const own = skipped === undefined ? codes : graph.node('Where', [skipped.rows, graph.floats([0], []), codes]);
  const wide = graph.cast(own, 'float64');
  const middle = graph.node('ReduceMean', [wide], { axes: [0], keepdims: 1 });
  const offsets = graph.node('Sub', [wide, middle]);
  const half = graph.doubles([0.5], []);
  const lengths = graph.node('ReduceSumSquare', [offsets], { axes: [1], keepdims: 0 });
  const bias = graph.node('Mul', [lengths, half]);
  const penalty =
    skipped === undefined
      ? bias
      : graph.node('Where', [skipped.flat, graph.doubles([Number.POSITIVE_INFINITY], []), bias]);

  const dots = graph.node('MatMul', [
    graph.node('Sub', [safe, middle]),
    graph.node('Transpose', [offsets], { perm: [1, 0] }),
  ]);
  const best = graph.node('ArgMax', [graph.node('Sub', [dots, penalty])], {
    axis: 1,
    keepdims: 1,
    select_last_index: 0,
  });
  return graph.node('Where', [counts, graph.cast(best, 'int32'), graph.int32([first], [])]);
}

/** int32 [N, C] → [N · C, d]: the codes of these ids, exact copies. */
export function gather(graph: Graph, ids: string, { name, table }: Codebook): string {
  const flat = graph.node('Reshape', [ids, graph.int64([-1])]);
  return graph.node('Gather', [graph.weight(name, table.shape, table.values), flat], { axis: 0 });
}

function mask(graph: Graph, unusable: readonly number[], count: number): { rows: string; flat: string } {
  const marks = new Int32Array(count);
  for (const row of unusable) marks[row] = 1;
  return { rows: graph.cast(graph.int32(marks, [count, 1]), 'bool'), flat: graph.cast(graph.int32(marks), 'bool') };
}

/** The rows that cannot be chosen, and the first that can; where none can, none is left out. */
function usable(
  { shape: [count = 0, width = 0], values }: Weight,
  cosine: boolean,
): { first: number; unusable: readonly number[] } {
  const isUsable = (row: number): boolean => {
    let squared = 0;
    for (let i = row * width; i < (row + 1) * width; i++) squared += (values[i] as number) ** 2;
    return squared < Number.POSITIVE_INFINITY && (!cosine || squared > NO_DIRECTION);
  };
  const unusable = Array.from({ length: count }, (_, row) => row).filter((row) => !isUsable(row));
  if (unusable.length === count) return { first: 0, unusable: [] };
  const first = unusable.findIndex((row, i) => row !== i);
  return { first: first < 0 ? unusable.length : first, unusable };
}
