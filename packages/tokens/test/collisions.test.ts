import { findCollisions } from '@vqkit/tokens';
import { expect, test } from 'vitest';

test('rows of the same ids are counted and numbered in their order', () => {
  const ids = Int32Array.of(3, 1, 0, 2, 3, 1, 3, 2, 3, 1, 0, 2);
  expect(findCollisions(ids, 2)).toEqual({
    rows: 6,
    tuples: 3,
    colliding: 5,
    groups: 2,
    largest: 3,
    ordinals: Int32Array.of(0, 0, 1, 0, 2, 1),
  });
});

test('with the ordinal as one more id no two rows are the same', () => {
  const ids = Int32Array.from({ length: 3000 }, (_, i) => (i * i) % 7);
  const { ordinals } = findCollisions(ids, 3);
  const tuples = Array.from(ordinals, (ordinal, row) => [...ids.subarray(3 * row, 3 * row + 3), ordinal].join());
  expect(new Set(tuples).size).toBe(1000);
});

test('no rows, and ids that are no rows', () => {
  expect(findCollisions(new Int32Array(0), 4)).toMatchObject({ rows: 0, tuples: 0, largest: 0 });
  expect(() => findCollisions(new Int32Array(5), 4)).toThrow(/ids must be whole rows of 4, got .*5 ids/);
});
