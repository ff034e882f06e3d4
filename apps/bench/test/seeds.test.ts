import { describe, expect, it } from 'vitest';
import {
  differenceOf,
  factorOf,
  factorText,
  inAll,
  isLower,
  pairedDifferenceOf,
  sameWithin,
  tunedOf,
} from '../src/seeds.ts';

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

describe('factorOf', () => {
  it('is the ratio of the geometric means, with an interval that is as far on both sides', () => {
    const factor = factorOf([2, 4, 8], [1, 2, 4]);
    expect(factor?.mean).toBeCloseTo(2, 9);
    expect((factor?.low ?? 0) * (factor?.high ?? 0)).toBeCloseTo(4, 6);
    expect(factorText(factorOf([2, 2.02, 1.98], [1, 1.01, 0.99]))).toBe('2 times (2 to 2)');
  });

  it('compares nothing that is not above 0, and no single seed', () => {
    expect(factorOf([0, 1], [1, 2])).toBeUndefined();
    expect(factorOf([1], [1, 2])).toBeUndefined();
    expect(factorText(undefined)).toBe('not comparable');
  });
});

describe('pairedDifferenceOf', () => {
  it('counts what is common to both of a pair for nothing', () => {
    const paired = pairedDifferenceOf([10, 20, 30], [9.9, 19.8, 29.7]);
    // Differences 0.1, 0.2, 0.3: mean 0.2, deviation 0.1, t of two degrees of freedom.
    expect(paired?.mean).toBeCloseTo(0.2, 9);
    expect(paired?.high).toBeCloseTo(0.2 + (4.303 * 0.1) / Math.sqrt(3), 6);
    expect(differenceOf([10, 20, 30], [9.9, 19.8, 29.7])?.low).toBeLessThan(-10);
  });

  it('says nothing about one pair, or lists that are no pairs', () => {
    expect(pairedDifferenceOf([1], [2])).toBeUndefined();
    expect(pairedDifferenceOf([1, 2, 3], [1, 2])).toBeUndefined();
  });
});

describe('tunedOf', () => {
  it('judges no seed at a setting that it chose', () => {
    // The first two seeds prefer the second setting, the last two the first.
    const { samples, chosen } = tunedOf([
      [5, 5, 1, 1],
      [2, 2, 9, 9],
    ]);
    expect(chosen).toEqual([1, 0]);
    expect(samples).toEqual([5, 5, 9, 9]);
  });

  it('takes a setting that diverged for the worst', () => {
    expect(
      tunedOf([
        [Number.NaN, 1, 1, 1],
        [3, 3, 3, 3],
      ]).chosen,
    ).toEqual([1, 0]);
  });

  it('may choose by one quantity and judge another', () => {
    const judged = [
      [10, 20, 30, 40],
      [50, 60, 70, 80],
    ];
    const chooses = [
      [5, 5, 1, 1],
      [2, 2, 9, 9],
    ];
    expect(tunedOf(chooses, judged)).toEqual({ samples: [10, 20, 70, 80], chosen: [1, 0] });
  });

  it('has one seed judged at the first setting', () => {
    expect(tunedOf([[4], [3]]).samples).toEqual([4]);
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
