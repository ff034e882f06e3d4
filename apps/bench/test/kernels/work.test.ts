import { describe, expect, it } from 'vitest';
import { fittedExponent } from '../../src/kernels/growth.ts';
import { ROWS } from '../../src/kernels/rows.ts';
import { leastWork, smaller } from '../../src/kernels/work.ts';

describe('leastWork', () => {
  it('counts bytes once and the products of matrices', () => {
    expect(leastWork({ quantizer: 'fsq', op: 'encode', n: 100, dim: 4, levels: [8, 5, 5, 5] })).toEqual({
      bytes: 100 * (16 + 4),
      flops: 0,
      int16: 0,
    });
    expect(leastWork({ quantizer: 'lfq', op: 'train', n: 100, dim: 10 }).flops).toBe(6 * 100 * 1024);
    const simvq = { quantizer: 'simvq', op: 'encode', n: 100, dim: 128, codes: 50 } as const;
    expect(leastWork({ ...simvq, frozenDim: 128 }).int16).toBe(2 * 100 * 50 * 128);
    expect(leastWork({ ...simvq, frozenDim: 8 })).toMatchObject({ int16: 2 * 100 * 50 * 8, flops: 2 * 100 * 128 * 8 });
  });
});

describe('smaller', () => {
  it('divides tokens and codes, down to 256', () => {
    const work = { quantizer: 'simvq', op: 'encode', n: 16_384, dim: 32, frozenDim: 32, codes: 1024 } as const;
    expect(smaller(work, 8)).toEqual({ ...work, n: 2048, codes: 256 });
  });
});

describe('fittedExponent', () => {
  it('is the power of a power law, whatever the small sizes cost', () => {
    const sizes = [1, 2, 4, 8, 16, 32, 64, 128];
    expect(fittedExponent(sizes.map((size) => [size, 3 * size ** 1.5]))).toBeCloseTo(1.5, 10);
    expect(fittedExponent(sizes.map((size) => [size, size < 16 ? 5 : size]))).toBeCloseTo(1, 10);
  });
});

it('has a title of its own for each row', () => {
  expect(new Set(ROWS.map(({ title }) => title)).size).toBe(ROWS.length);
});
