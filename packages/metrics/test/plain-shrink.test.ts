import { OptionError, ShapeError } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { plainShrink } from '../src/plain-shrink.ts';

describe('plainShrink', () => {
  it('is avg_pool2d, rounding, and interpolate(mode="bicubic", antialias=True) of torch 2', () => {
    const pixels = Float32Array.from({ length: 8 * 12 * 3 }, (_, i) => {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % 12, Math.floor(i / 36)];
      return 0.9 * Math.sin(0.5 * y * (c + 1) + 0.4 * x + c);
    });
    const expected = [
      0.8742004, 0.1851919, -0.0989701, -0.8650352, 0.132883, 0.1345826, -0.4288771, -0.0610386, 0.3185351, 0.008452,
      -0.1733043, 0.374768, -0.1224994,
    ];
    const twice = Float32Array.of(...pixels, ...pixels);
    const found = plainShrink(twice, { width: 12, height: 8, channels: 3, factor: 4, bits: 10 });
    expect(found.subarray(0, pixels.length)).toEqual(found.subarray(pixels.length));
    for (const [i, value] of expected.entries()) expect(found[23 * i]).toBeCloseTo(value, 6);
  });

  it('keeps flat images at the nearest level, and no more than 8 bits of a channel', () => {
    const flat = new Float32Array(16).fill(0.5);
    const at = (bits: number): number => plainShrink(flat, { width: 4, height: 4, factor: 2, bits })[5] as number;
    expect(at(1)).toBe(1);
    expect(at(2)).toBeCloseTo(1 / 3, 6);
    expect(at(40)).toBe(at(8));
    const colour = plainShrink(new Float32Array(48).fill(0.5), {
      width: 4,
      height: 4,
      channels: 3,
      factor: 4,
      bits: 1,
    });
    expect([...colour.subarray(0, 3)]).toEqual([0, 1, 0]);
  });

  it('refuses what is no whole number of images', () => {
    const of = { width: 4, height: 4, factor: 2, bits: 3 };
    expect(() => plainShrink(new Float32Array(17), of)).toThrow(ShapeError);
    expect(() => plainShrink(new Float32Array(16), { ...of, factor: 3 })).toThrow(ShapeError);
    expect(() => plainShrink(new Float32Array(16), { ...of, bits: 0 })).toThrow(OptionError);
  });
});
