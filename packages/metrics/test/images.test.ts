import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { psnr, ssim } from '../src/index.ts';

/** A picture and a disturbed copy, from integer arithmetic and sines. */
function pair(length: number, seed: number): [Float64Array, Float64Array] {
  const a = Float64Array.from({ length }, (_, i) => ((i * 37 + seed * 11) % 101) / 50 - 1);
  return [a, a.map((value, i) => value + 0.25 * 0.9 * Math.sin(i * 0.7 + seed))];
}

/** SSIM of one grey picture straight from the paper: each window by itself, with explicit deviations from its means. */
function directSsim(a: ArrayLike<number>, b: ArrayLike<number>, width: number, height: number, range: number): number {
  const weight = (dx: number, dy: number): number => Math.exp(-((dx - 5) ** 2 + (dy - 5) ** 2) / (2 * 1.5 ** 2));
  const over = (f: (dx: number, dy: number) => number): number => {
    let [sum, total] = [0, 0];
    for (let dy = 0; dy < 11; dy++) {
      for (let dx = 0; dx < 11; dx++) {
        sum += weight(dx, dy) * f(dx, dy);
        total += weight(dx, dy);
      }
    }
    return sum / total;
  };
  const values: number[] = [];
  for (let y = 0; y + 11 <= height; y++) {
    for (let x = 0; x + 11 <= width; x++) {
      const at = (image: ArrayLike<number>, dx: number, dy: number): number =>
        image[(y + dy) * width + x + dx] as number;
      const ma = over((dx, dy) => at(a, dx, dy));
      const mb = over((dx, dy) => at(b, dx, dy));
      const va = over((dx, dy) => (at(a, dx, dy) - ma) ** 2);
      const vb = over((dx, dy) => (at(b, dx, dy) - mb) ** 2);
      const cov = over((dx, dy) => (at(a, dx, dy) - ma) * (at(b, dx, dy) - mb));
      const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2];
      values.push(((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma ** 2 + mb ** 2 + c1) * (va + vb + c2)));
    }
  }
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('psnr', () => {
  it('is 10 log10(range² / mse)', () => {
    expect(psnr([0, 0, 0, 1], [0, 0, 0, 0.8], { dataRange: 1 })).toBeCloseTo(20, 12);
    expect(psnr([0, 0], [0.2, -0.2], { dataRange: 2 })).toBeCloseTo(20, 12);
    expect(psnr([1, 2], [1, 2], { dataRange: 1 })).toBe(Number.POSITIVE_INFINITY);
  });

  it('averages the decibels of the images when asked', () => {
    const [a, b] = [Float32Array.of(0, 0, 0, 0), Float32Array.of(0.1, 0.1, 0.01, 0.01)];
    expect(psnr(a, b, { dataRange: 1, imageSize: 2 })).toBeCloseTo((20 + 40) / 2, 5);
    expect(psnr(a, b, { dataRange: 1 })).toBeCloseTo(10 * Math.log10(1 / 0.00505), 5);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 }), (errors) => {
        const zeros = new Array<number>(6).fill(0);
        const pooled = psnr(zeros, errors, { dataRange: 1 });
        expect(psnr(zeros, errors, { dataRange: 1, imageSize: 2 })).toBeGreaterThanOrEqual(pooled - 1e-9);
      }),
    );
  });

  it('rejects bad input', () => {
    expect(() => psnr([1], [1, 2], { dataRange: 1 })).toThrow(
      'psnr: expected and actual must have the same length > 0, got 1 and 2. Pass both images whole.',
    );
    expect(() => psnr([], [], { dataRange: 1 })).toThrow('got 0 and 0');
    expect(() => psnr([1, 2, 3], [1, 2, 3], { dataRange: 1, imageSize: 2 })).toThrow(
      'psnr: expected must hold whole images of 2 elements, got 3',
    );
    expect(() => psnr([1, 2], [1, 2], { dataRange: 1, imageSize: 0 })).toThrow('imageSize must be an integer >= 1');
    expect(() => psnr([1], [1], { dataRange: 0 })).toThrow('psnr: dataRange must be a finite number > 0, got 0');
    expect(() => psnr([1, 2], [1, Number.NaN], { dataRange: 1 })).toThrow(
      'psnr: pixels must be finite, got 2 and NaN at position 1',
    );
    expect(() => psnr([1], [1], { dataRange: 1, peak: 1 } as never)).toThrow("psnr: options must have no 'peak'");
  });
});

describe('ssim', () => {
  // Made with SciPy 1.17.1 by scikit-image's formula: gaussian_filter(sigma=1.5, truncate=3.5), borders of 5 pixels cut off.
  const golden = [
    { width: 28, height: 28, channels: 1, values: [0.427483828814054, 0.44215889505270345] },
    { width: 16, height: 20, channels: 3, values: [0.9641728706190417, 0.9643079463332263] },
  ];
  for (const { values, ...shape } of golden) {
    it(`equals the golden values, ${shape.width} × ${shape.height} × ${shape.channels}`, () => {
      const options = { ...shape, dataRange: 2 };
      const length = shape.width * shape.height * shape.channels;
      const pairs = values.map((_, seed) => pair(length, seed));
      for (const [seed, [a, b]] of pairs.entries()) expect(ssim(a, b, options)).toBeCloseTo(values[seed] as number, 10);
      const batch = [0, 1].map((side) => pairs.flatMap((images) => [...(images[side] as Float64Array)]));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(ssim(batch[0] as number[], batch[1] as number[], options)).toBeCloseTo(mean, 10);
    });
  }

  it('equals the paper window by window', () => {
    const [a, b] = pair(14 * 12, 3);
    expect(ssim(a, b, { width: 14, height: 12, dataRange: 2 })).toBeCloseTo(directSsim(a, b, 14, 12, 2), 11);
  });

  it('is 1 for equal images, symmetric, and free of the scale', () => {
    const [a, b] = pair(15 * 13, 1);
    const options = { width: 15, height: 13, dataRange: 2 };
    expect(ssim(a, a, options)).toBeCloseTo(1, 12);
    expect(ssim(new Float32Array(195), new Float32Array(195), options)).toBe(1);
    expect(ssim(a, b, options)).toBeCloseTo(ssim(b, a, options), 14);
    const bytes = (x: Float64Array): Float64Array => x.map((value) => 127.5 * value);
    expect(ssim(bytes(a), bytes(b), { ...options, dataRange: 255 })).toBeCloseTo(ssim(a, b, options), 10);
  });

  it('rejects bad input', () => {
    const image = new Float32Array(144);
    const options = { width: 12, height: 12, dataRange: 1 };
    expect(() => ssim(image, image, { ...options, width: 10 })).toThrow(
      'ssim: width must be an integer >= 11, got 10. Use 11 or more.',
    );
    expect(() => ssim(image, image, { ...options, height: 10 })).toThrow('ssim: height');
    expect(() => ssim(image, image, { ...options, channels: 0 })).toThrow('ssim: channels');
    expect(() => ssim(image, image, { ...options, dataRange: -1 })).toThrow('ssim: dataRange');
    expect(() => ssim(image, image, { ...options, width: 13 })).toThrow('whole images of 156 elements, got 144');
    expect(() => ssim(image, new Float32Array(1), options)).toThrow('same length');
    expect(() =>
      ssim(
        image,
        image.map(() => Number.NaN),
        options,
      ),
    ).toThrow('pixels must be finite');
  });
});
