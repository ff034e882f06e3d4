import { expect, it } from 'vitest';
import { measureFloor, tokenSteps } from '../../src/kernels/floors.ts';

const fsq = { quantizer: 'fsq', n: 1001, dim: 4, levels: [8, 5, 5, 5] } as const;

it('counts what four tokens need', () => {
  expect(tokenSteps({ ...fsq, op: 'encode' })).toEqual({ dim: 4, reads: 4, writes: 1, comparisons: 19 });
  expect(tokenSteps({ ...fsq, op: 'train' })).toEqual({ dim: 4, reads: 12, writes: 9, comparisons: 19 });
  const lfq = { quantizer: 'lfq', n: 1000, dim: 10 } as const;
  expect(tokenSteps({ ...lfq, op: 'encode' })).toEqual({ dim: 10, reads: 10, writes: 1, comparisons: 0 });
  // The entropy compares every token with every code.
  expect(tokenSteps({ ...lfq, op: 'train' })).toBeUndefined();
});

it('takes longer where it compares, and for more tokens', async () => {
  const few = await measureFloor({ dim: 4, reads: 4, writes: 1, comparisons: 60 }, 10_001);
  const many = await measureFloor({ dim: 4, reads: 4, writes: 1, comparisons: 0 }, 1_000_000);
  expect(few.moveMs).toBeGreaterThan(0);
  expect(few.compareMs).toBeGreaterThan(few.moveMs);
  expect(many.moveMs).toBeGreaterThan(few.moveMs);
  expect(many.compareMs).toBeNull();
});
