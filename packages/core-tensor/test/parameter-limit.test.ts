import { describe, expect, it } from 'vitest';
import { createRng, limitParameters, UnsupportedError } from '../src/index.ts';

describe('limitParameters', () => {
  it('lets a model be made up to its limit, and forgets it afterwards', () => {
    const draw = (n: number): number => createRng(1).uniformArray(n, 0, 1).length;
    expect(limitParameters(100, () => draw(60) + draw(40))).toBe(100);
    expect(() => limitParameters(100, () => draw(60) + draw(41))).toThrow(UnsupportedError);
    expect(() => limitParameters(100, () => draw(1e15))).toThrow(
      'no larger than its file, got 999999999999900 numbers',
    );
    expect(() => limitParameters(10, () => limitParameters(100, () => draw(60)))).toThrow(UnsupportedError);
    expect(draw(200)).toBe(200);
  });
});
