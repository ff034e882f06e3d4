import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OptionError, requireSchedule, type Schedule, scheduleAt } from '../src/index.ts';

const at = (schedule: Schedule, step?: number): number => scheduleAt('quantize', 'temperature', schedule, step);
const ramp = { from: 10, to: 100, steps: 1000 } as const;

describe('scheduleAt', () => {
  it('gives a number as it is, with or without a step', () => {
    expect(at(5)).toBe(5);
    expect(at(5, 7)).toBe(5);
  });

  it('follows the formula of each shape', () => {
    expect(at(ramp, 500)).toBe(55);
    expect(at({ ...ramp, shape: 'linear' }, 250)).toBe(32.5);
    expect(at({ ...ramp, shape: 'cosine' }, 500)).toBeCloseTo(55, 12);
    expect(at({ ...ramp, shape: 'cosine' }, 250)).toBeCloseTo(10 + (90 * (1 - Math.SQRT1_2)) / 2, 12);
    expect(at({ ...ramp, shape: 'exponential' }, 500)).toBeCloseTo(Math.sqrt(1000), 12);
    expect(at({ ...ramp, shape: 'exponential' }, 1) / at({ ...ramp, shape: 'exponential' }, 0)).toBeCloseTo(
      10 ** 0.001,
      12,
    );
  });

  it('starts at `from`, ends at `to` exactly, stays there and never turns back', () => {
    const positive = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
    fc.assert(
      fc.property(
        positive,
        positive,
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom('linear', 'cosine', 'exponential'),
        (from, to, steps, shape) => {
          const schedule = { from, to, steps, shape } as const;
          expect(at(schedule, 0)).toBe(from);
          expect(at(schedule, steps)).toBe(to);
          expect(at(schedule, 10 * steps)).toBe(to);
          const slack = 1e-12 * Math.max(from, to);
          for (let step = 1; step <= steps; step++) {
            const [before, now] = [at(schedule, step - 1), at(schedule, step)];
            expect(Math.sign(to - from) * (now - before)).toBeGreaterThanOrEqual(-slack);
          }
        },
      ),
      { seed: 1 },
    );
  });

  it('asks for the step where it needs one', () => {
    for (const step of [undefined, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => at(ramp, step)).toThrow(OptionError);
      expect(() => at(ramp, step)).toThrow(
        /^quantize: step must be a number >= 0 because temperature is a schedule, got .+\. Pass \{ training: true, step \}\.$/,
      );
    }
  });
});

describe('requireSchedule', () => {
  const check = (schedule: unknown) => () => requireSchedule('createX', 'temperature', schedule as Schedule);

  it('accepts what scheduleAt can compute', () => {
    for (const schedule of [1, ramp, { ...ramp, shape: 'cosine' }, { from: 2, to: 1, steps: 1 }])
      expect(check(schedule)).not.toThrow();
  });

  it('names the part that is wrong', () => {
    const cases: [unknown, RegExp][] = [
      [0, /^createX: temperature must be a finite number > 0, got 0\./],
      [Number.NaN, /^createX: temperature must be a finite number > 0, got NaN\./],
      ['10', /^createX: temperature must be a positive number or \{ from, to, steps \}, got "10"\. Pass for example/],
      [null, /^createX: temperature must be a positive number or/],
      [[10, 100], /^createX: temperature must be a positive number or .+, got \[10,100\]\./],
      [{ ...ramp, from: -1 }, /^createX: temperature\.from must be a finite number > 0, got -1\./],
      [{ ...ramp, to: 0 }, /^createX: temperature\.to must be a finite number > 0, got 0\./],
      [{ ...ramp, steps: 0 }, /^createX: temperature\.steps must be an integer >= 1, got 0\. Use 1 or more\./],
      [{ ...ramp, steps: 1.5 }, /^createX: temperature\.steps must be an integer >= 1, got 1.5\./],
      [
        { ...ramp, shape: 'cubic' },
        /^createX: temperature\.shape must be one of 'linear', 'cosine', 'exponential', got "cubic"/,
      ],
      [{ from: 1, to: 2 }, /^createX: temperature\.steps must be an integer >= 1, got undefined\./],
      [
        { ...ramp, start: 1 },
        /^createX: temperature: options must have no 'start', got 1. Known options: from, shape, steps, to\./,
      ],
    ];
    for (const [schedule, message] of cases) {
      expect(check(schedule)).toThrow(OptionError);
      expect(check(schedule)).toThrow(message);
    }
  });
});
