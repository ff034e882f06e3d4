import { describe, expect, it } from 'vitest';
import { differenceOf, inAll, isLower, sameWithin } from '../src/seeds.ts';

describe('differenceOf', () => {
  it('is the interval of Welch, its degrees of freedom rounded down', () => {
    // By hand: means 18 and 12.667, variances of the means 4 and 0.4444, 2.44 degrees of freedom, so t = 4.303 of 2.
    const difference = differenceOf([14, 20, 20], [12, 12, 14]);
    expect(difference?.mean).toBeCloseTo(16 / 3, 9);
    expect(difference?.low).toBeCloseTo(16 / 3 - 4.303 * Math.sqrt(4 + 4 / 9), 9);
    expect(difference?.high).toBeCloseTo(16 / 3 + 4.303 * Math.sqrt(4 + 4 / 9), 9);
  });

  it('holds the true difference in 95 % of repetitions or more', () => {
    // Three seeds a side of a normal distribution by the sum of twelve uniform numbers.
    let state = 1;
    const uniform = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const normal = (): number => Array.from({ length: 12 }, uniform).reduce((sum, each) => sum + each, -6);
    const three = (): number[] => [normal(), normal(), normal()];
    let held = 0;
    for (let i = 0; i < 2000; i++) {
      const { low, high } = differenceOf(three(), three()) ?? { low: 1, high: 0 };
      if (low <= 0 && high >= 0) held++;
    }
    expect(held / 2000).toBeGreaterThan(0.94);
  });

  it('says nothing about one seed', () => {
    expect(differenceOf([1], [1, 2])).toBeUndefined();
  });
});

describe('verdicts', () => {
  it('are open where the interval holds both answers: that the ranges meet decides nothing', () => {
    expect(sameWithin(differenceOf([14, 20, 20], [12, 12, 14]), 0.6)).toBe('undecided');
    expect(sameWithin(differenceOf([10, 10.01, 10.02], [10, 10.01, 10.02]), 0.5)).toBe('reproduced');
    expect(sameWithin(differenceOf([20, 20.1, 20.2], [10, 10.1, 10.2]), 0.5)).toBe('not reproduced');
    expect(sameWithin(undefined, 1)).toBe('undecided');
    expect(isLower(differenceOf([1, 2, 3], [1.5, 2.5, 3.5]))).toBe('undecided');
    expect(isLower(differenceOf([1, 1.1, 1.2], [2, 2.1, 2.2]))).toBe('reproduced');
    expect(isLower(differenceOf([2, 2.1, 2.2], [1, 1.1, 1.2]))).toBe('not reproduced');
    expect(inAll(['reproduced', 'undecided'])).toBe('undecided');
    expect(inAll(['reproduced', 'not reproduced', 'undecided'])).toBe('not reproduced');
  });
});
