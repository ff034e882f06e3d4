import { describe, expect, it } from 'vitest';
import {
  OptionError,
  requireBoolean,
  requireFraction,
  requireInteger,
  requireKnownOptions,
  requireNonNegative,
  requireOneOf,
  requireOption,
  requirePositive,
} from '../src/index.ts';

/** What a check says about a value; undefined when it accepts it. */
function verdict(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError);
    return (error as OptionError).message;
  }
}

const strange = [undefined, null, '1', 1n, [1], {}, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

describe('requireOption', () => {
  it('says function, argument, rule, value and fix', () => {
    expect(verdict(() => requireOption(false, 'createX', 'size', 'even', 3, 'Use 2.'))).toBe(
      'createX: size must be even, got 3. Use 2.',
    );
    expect(verdict(() => requireOption(true, 'createX', 'size', 'even', 4, 'Use 2.'))).toBeUndefined();
  });
});

describe('requireInteger', () => {
  const check = (value: unknown, min = 2, max?: number) =>
    verdict(() => requireInteger('createX', 'n', value, min, max));

  it('accepts its range and nothing else', () => {
    for (const value of [2, 3, 2 ** 31 - 1]) expect(check(value)).toBeUndefined();
    expect(check(5, 0, 5)).toBeUndefined();
    for (const value of [...strange, 1, 2.5, 2 ** 31]) expect(check(value)).toMatch(/^createX: n must be an integer/);
  });

  it('gives the rule that was broken and a fix for it', () => {
    expect(check(1)).toBe('createX: n must be an integer >= 2, got 1. Use 2 or more.');
    expect(check(2.5)).toBe('createX: n must be an integer >= 2, got 2.5. Pass an integer >= 2.');
    expect(check('3')).toBe('createX: n must be an integer >= 2, got "3". Pass an integer >= 2.');
    expect(check(2 ** 31)).toBe(
      'createX: n must be an integer from 2 to 2147483647, got 2147483648. Use 2147483647 or less.',
    );
    expect(check(9, 0, 5)).toBe('createX: n must be an integer from 0 to 5, got 9. Use 5 or less.');
    expect(check(-1, 0, 5)).toBe('createX: n must be an integer from 0 to 5, got -1. Use 0 or more.');
  });
});

describe('the checks of numbers', () => {
  it('requireNonNegative takes finite numbers >= 0', () => {
    const check = (value: unknown) => verdict(() => requireNonNegative('createX', 'weight', value));
    for (const value of [0, -0, 1e-300, 1000]) expect(check(value)).toBeUndefined();
    for (const value of [...strange, -1e-300])
      expect(check(value)).toMatch(/weight must be a finite number >= 0, got /);
    expect(check(-1)).toBe('createX: weight must be a finite number >= 0, got -1. Use 0 to switch it off.');
  });

  it('requirePositive takes finite numbers > 0', () => {
    const check = (value: unknown) => verdict(() => requirePositive('createX', 'scale', value));
    for (const value of [1e-300, 1]) expect(check(value)).toBeUndefined();
    for (const value of [...strange, 0, -0, -1])
      expect(check(value)).toMatch(/scale must be a finite number > 0, got /);
    expect(check(0)).toBe('createX: scale must be a finite number > 0, got 0. Use a value above 0.');
  });

  it('requireFraction takes 0 to 1', () => {
    const check = (value: unknown) => verdict(() => requireFraction('createX', 'share', value));
    for (const value of [0, 0.5, 1]) expect(check(value)).toBeUndefined();
    for (const value of [...strange, -0.01, 1.01])
      expect(check(value)).toMatch(/share must be a number from 0 to 1, got /);
    expect(check(2)).toBe('createX: share must be a number from 0 to 1, got 2. Pass a fraction such as 0.5.');
  });
});

describe('the checks of words', () => {
  it('requireBoolean takes true and false only', () => {
    const check = (value: unknown) => verdict(() => requireBoolean('createX', 'bias', value));
    for (const value of [true, false]) expect(check(value)).toBeUndefined();
    for (const value of [...strange, 0, 1, 'true'])
      expect(check(value)).toMatch(/^createX: bias must be true or false, got .+\. Pass a boolean\.$/);
  });

  it('requireOneOf takes the listed words only', () => {
    const check = (value: unknown) => verdict(() => requireOneOf('createX', 'mode', value, ['fast', 'exact']));
    for (const value of ['fast', 'exact']) expect(check(value)).toBeUndefined();
    for (const value of [...strange, 'Fast', '', 'toString'])
      expect(check(value)).toMatch(/^createX: mode must be one of/);
    expect(check('slow')).toBe(
      `createX: mode must be one of 'fast', 'exact', got "slow". Pick one of 'fast', 'exact'.`,
    );
  });

  it('requireKnownOptions names the unknown key and the known ones', () => {
    const check = (value: unknown) => verdict(() => requireKnownOptions('createX', value, ['size', 'dim']));
    for (const value of [{}, { dim: 1 }, { dim: undefined, size: 2 }]) expect(check(value)).toBeUndefined();
    expect(check({ dim: 1, sise: 2 })).toBe("createX: options must have no 'sise', got 2. Known options: dim, size.");
    for (const value of [undefined, null, 3, 'x', [1]])
      expect(check(value)).toMatch(
        /^createX: options must be an object, got .+\. Pass one object, for example \{\}\.$/,
      );
    // Names that every object inherits are unknown like any other.
    expect(check({ toString: 1 })).toMatch(/have no 'toString'/);
  });
});
