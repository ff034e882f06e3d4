import { fullRun, titleIf } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { measureLimits, secondsAtLimit } from '../../src/kernels/limits.ts';

describe.skipIf(!fullRun)(titleIf(fullRun, 'measureLimits'), () => {
  it('finds plausible speeds of this machine', async () => {
    const { copies, flopsPerSecond, int16PerSecond } = await measureLimits();
    expect(copies.length).toBeGreaterThan(3);
    for (const { bytesPerSecond } of copies) {
      expect(bytesPerSecond).toBeGreaterThan(1e7);
      expect(bytesPerSecond).toBeLessThan(1e13);
    }
    // Slower would not be SIMD, faster is no processor's 128-bit unit.
    expect(flopsPerSecond).toBeGreaterThan(1e8);
    expect(flopsPerSecond).toBeLessThan(1e12);
    // Twice as many fit in a register.
    expect(int16PerSecond).toBeGreaterThan(flopsPerSecond / 2);
    expect(int16PerSecond).toBeLessThan(8 * flopsPerSecond);
  });
});

describe('secondsAtLimit', () => {
  const limits = {
    copies: [
      { bytes: 1000, bytesPerSecond: 100 },
      { bytes: 1_000_000, bytesPerSecond: 10 },
    ],
    flopsPerSecond: 50,
    int16PerSecond: 100,
  };

  it('takes the longer of moving and computing', () => {
    expect(secondsAtLimit({ bytes: 1000, flops: 0, int16: 0 }, limits)).toBe(10);
    expect(secondsAtLimit({ bytes: 1000, flops: 1000, int16: 0 }, limits)).toBe(20);
    expect(secondsAtLimit({ bytes: 1000, flops: 1000, int16: 1000 }, limits)).toBe(30);
  });

  it('takes the copy of the nearest size', () => {
    expect(secondsAtLimit({ bytes: 2000, flops: 0, int16: 0 }, limits)).toBe(20);
    expect(secondsAtLimit({ bytes: 500_000, flops: 0, int16: 0 }, limits)).toBe(50_000);
  });
});
