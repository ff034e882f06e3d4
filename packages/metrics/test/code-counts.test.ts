import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCodeCounts } from '../src/code-counts.ts';

const LARGEST = 2 ** 31 - 2;

it('counts like a Map, for any codes and through growth', () => {
  const code = fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: 0, max: LARGEST }));
  fc.assert(
    fc.property(fc.array(code, { maxLength: 2000, size: 'max' }), (codes) => {
      const counts = createCodeCounts();
      const expected = new Map<number, { count: number; lastUse: number }>();
      codes.forEach((code, update) => {
        counts.add(code, update);
        expected.set(code, { count: (expected.get(code)?.count ?? 0) + 1, lastUse: update });
      });
      for (const code of codes.slice(0, codes.length >> 1)) {
        counts.remove(code);
        const entry = expected.get(code);
        if (entry !== undefined) entry.count--;
      }
      const actual = new Map<number, { count: number; lastUse: number }>();
      counts.forEach((code, count, lastUse) => {
        actual.set(code, { count, lastUse });
      });
      expect(counts.seen()).toBe(expected.size);
      expect(actual).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});

it('spreads multiples of a power of two, which share their low bits', () => {
  const counts = createCodeCounts();
  for (let i = 0; i < 10_000; i++) counts.add((i * 2 ** 16) % (2 ** 31 - 1), 0);
  expect(counts.seen()).toBe(10_000);
});
