import { requireInteger, requireOption } from '@vqkit/core-tensor';

/** How many rows share all their ids with others. */
export interface Collisions {
  readonly rows: number;
  /** Different tuples of ids. */
  readonly tuples: number;
  /** Rows that share their tuple with at least one other. */
  readonly colliding: number;
  /** Tuples that several rows share. */
  readonly groups: number;
  /** Rows of the largest of these; 1 where there is none. */
  readonly largest: number;
}

/**
 * Finds the rows whose ids are all the same, and numbers the rows of each such group from 0 in their order: as one more id they tell the rows
 * apart.
 *
 * @param ids [rows, columns], row-major.
 * @returns the counts, and `ordinals` [rows].
 * @example
 * findCollisions(Int32Array.of(3, 1, 0, 2, 3, 1), 2).ordinals; // [ 0, 0, 1 ]
 */
export function findCollisions(ids: Int32Array, columns: number): Collisions & { readonly ordinals: Int32Array } {
  requireInteger('findCollisions', 'columns', columns, 1);
  const fits = ids.length % columns === 0;
  requireOption(fits, 'findCollisions', 'ids', `whole rows of ${columns}`, `${ids.length} ids`, 'Pass all columns.');
  const rows = ids.length / columns;
  const compare = (a: number, b: number): number => {
    for (let j = 0; j < columns; j++) {
      const difference = (ids[a * columns + j] as number) - (ids[b * columns + j] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  const order = Uint32Array.from({ length: rows }, (_, row) => row).sort((a, b) => compare(a, b) || a - b);
  const ordinals = new Int32Array(rows);
  let [tuples, colliding, groups, largest] = [0, 0, 0, Math.min(rows, 1)];
  for (let start = 0; start < rows; ) {
    let end = start + 1;
    while (end < rows && compare(order[start] as number, order[end] as number) === 0) {
      ordinals[order[end] as number] = end - start;
      end++;
    }
    const size = end - start;
    tuples++;
    if (size > 1) {
      groups++;
      colliding += size;
      largest = Math.max(largest, size);
    }
    start = end;
  }
  return { rows, tuples, colliding, groups, largest, ordinals };
}
