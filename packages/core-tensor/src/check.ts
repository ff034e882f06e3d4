import { OptionError, show } from './errors.ts';

/**
 * Checks of options. Each throws {@link OptionError} with the function, the argument, the rule, the value and the fix:
 * `createFsq: levels[2] must be an integer >= 2, got 1. Use 2 or more.`
 */
export function requireOption(
  holds: boolean,
  where: string,
  argument: string,
  rule: string,
  value: unknown,
  fix: string,
): asserts holds {
  if (!holds) throw new OptionError(`${where}: ${argument} must be ${rule}, got ${show(value)}. ${fix}`);
}

export function requireInteger(
  where: string,
  argument: string,
  value: unknown,
  min: number,
  max: number = 2 ** 31 - 1,
): void {
  const holds = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
  const rule = max === 2 ** 31 - 1 ? `an integer >= ${min}` : `an integer from ${min} to ${max}`;
  const fix = typeof value === 'number' && value < min ? `Use ${min} or more.` : `Pass ${rule}.`;
  requireOption(holds, where, argument, rule, value, fix);
}

export function requireNonNegative(where: string, argument: string, value: unknown): void {
  const holds = typeof value === 'number' && Number.isFinite(value) && value >= 0;
  requireOption(holds, where, argument, 'a finite number >= 0', value, 'Use 0 to switch it off.');
}

export function requirePositive(where: string, argument: string, value: unknown): void {
  const holds = typeof value === 'number' && Number.isFinite(value) && value > 0;
  requireOption(holds, where, argument, 'a finite number > 0', value, 'Use a value above 0.');
}

export function requireFraction(where: string, argument: string, value: unknown): void {
  const holds = typeof value === 'number' && value >= 0 && value <= 1;
  requireOption(holds, where, argument, 'a number from 0 to 1', value, 'Pass a fraction such as 0.5.');
}

export function requireBoolean(where: string, argument: string, value: unknown): void {
  requireOption(typeof value === 'boolean', where, argument, 'true or false', value, 'Pass a boolean.');
}

export function requireOneOf(where: string, argument: string, value: unknown, allowed: readonly string[]): void {
  const names = allowed.map((name) => `'${name}'`).join(', ');
  requireOption(allowed.includes(value as string), where, argument, `one of ${names}`, value, `Pick one of ${names}.`);
}

/** Throws when `options` has a key that is not in `known`: a misspelt option must not be ignored in silence. */
export function requireKnownOptions(where: string, options: unknown, known: readonly string[]): void {
  requireOption(
    typeof options === 'object' && options !== null && !Array.isArray(options),
    where,
    'options',
    'an object',
    options,
    `Call ${where}({ … }).`,
  );
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new OptionError(`${where}: options has no '${key}'. Known options: ${[...known].sort().join(', ')}.`);
  }
}
