import type { Source } from './source.ts';

/** Vectors that are read in blocks, such as `openVectors` of @vqkit/data/node gives. */
export interface Vectors extends Source<{ readonly vectors: Float32Array }> {
  /** Numbers of a vector. */
  readonly dim: number;
}

/** Rows of vectors as examples to train on. */
export interface VectorSet {
  readonly count: number;
  /** [dim]. */
  readonly shape: readonly number[];
  readonly together?: number | undefined;
  /** The rows at these positions, one after the other: [positions.length, dim]. */
  batch(positions: ArrayLike<number>): Promise<Float32Array>;
  /** The rows at these positions, in rising order, as a set of its own. */
  subset(positions: Int32Array): VectorSet;
}

/** Rows between two that are wanted which are read along with them, and not skipped by a read of its own. */
const GAP = 64;

/**
 * Examples of a source of vectors. Neighbours are read together, so that a block of rows is one read.
 *
 * @param together see VectorSet: of a file that is not held.
 * @example
 * const rows = Float32Array.of(1, 2, 3, 4, 5, 6);
 * const read = async (from: number, to: number) => ({ vectors: rows.subarray(2 * from, 2 * to) });
 * const items = createVectorSet({ count: 3, dim: 2, read });
 * await items.batch([2, 0]); // [5, 6, 1, 2]
 */
export function createVectorSet(source: Vectors, together?: number): VectorSet {
  return view(source, together, undefined);
}

function view(source: Vectors, together: number | undefined, rows: Int32Array | undefined): VectorSet {
  const { dim } = source;
  const rowAt = (position: number): number => (rows === undefined ? position : (rows[position] as number));
  return {
    count: rows?.length ?? source.count,
    shape: [dim],
    together,
    async batch(positions) {
      const values = new Float32Array(positions.length * dim);
      for (let start = 0; start < positions.length; ) {
        const first = rowAt(positions[start] as number);
        let end = start + 1;
        let last = first;
        for (; end < positions.length; end++) {
          const row = rowAt(positions[end] as number);
          if (row <= last || row - last > GAP) break;
          last = row;
        }
        const { vectors } = await source.read(first, last + 1);
        for (let i = start; i < end; i++) {
          const at = (rowAt(positions[i] as number) - first) * dim;
          values.set(vectors.subarray(at, at + dim), i * dim);
        }
        start = end;
      }
      return values;
    },
    subset: (positions) => view(source, together, positions.map(rowAt)),
  };
}
