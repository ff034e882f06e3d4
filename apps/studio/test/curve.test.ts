import { describe, expect, it } from 'vitest';
import { createCurves } from '../src/page/charts/curve.ts';

describe('curves of bounded size', () => {
  it('keep every point while they are few, and null where there is none', () => {
    const curves = createCurves(2, 4);
    curves.push(1, [10, Number.NaN]);
    curves.push(2, [20, 5]);
    expect(curves.data()).toEqual([
      [1, 2],
      [10, 20],
      [null, 5],
    ]);
    curves.clear();
    expect(curves.data()).toEqual([[], [], []]);
  });

  it('become means of neighbours: of a million points at most twice the capacity, and the same mean', () => {
    const curves = createCurves(1, 50);
    for (let x = 0; x < 2 ** 20; x++) curves.push(x, [x % 2]);
    const [axis, values = []] = curves.data();
    expect(axis.length).toBe(values.length);
    expect(axis.length).toBeLessThanOrEqual(101);
    expect(axis.length).toBeGreaterThanOrEqual(50);
    expect([...axis].sort((a, b) => a - b)).toEqual(axis);
    for (const value of values) expect(value).toBe(0.5);
  });

  it('show the points that are not yet enough for one', () => {
    const curves = createCurves(1, 2);
    for (let x = 0; x < 5; x++) curves.push(x, [x]);
    expect(curves.data()).toEqual([
      [0.5, 2.5, 4],
      [0.5, 2.5, 4],
    ]);
  });
});
