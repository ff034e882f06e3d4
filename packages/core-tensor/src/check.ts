import { DisposedError, OptionError, phrase, shorten } from './errors.ts';

const MAX_INT32 = 2 ** 31 - 1;

/**
 * Throws unless `holds`: the one place that writes the message of a broken rule.
 *
 * @param where the function that was called, such as `createFsq`.
 * @param argument the option or argument, such as `levels[2]`.
 * @param rule what it must be, without "must be".
 * @param value what it is.
 * @param fix a sentence that says what to do.
 * @throws OptionError `${where}: ${argument} must be ${rule}, got ${value}. ${fix}`
 * @example
 * requireOption(levels.length > 0, 'createFsq', 'levels', 'a list of integers >= 2', levels, 'Pass for example [8, 5, 5, 5].');
 */
export function requireOption(
  holds: boolean,
  where: string,
  argument: string,
  rule: string,
  value: unknown,
  fix: string,
): asserts holds {
  if (!holds) throw new OptionError(where, argument, `be ${rule}`, value, fix);
}

/**
 * Throws when `what`, such as `the quantizer`, was disposed.
 *
 * @param kind what it is a disposed one of.
 * @throws DisposedError
 * @example
 * requireAlive(false, 'createFsq().encode', 'the quantizer', 'FSQ');
 */
export function requireAlive(disposed: boolean, where: string, what: string, kind = 'one'): void {
  if (disposed)
    throw new DisposedError(where, what, 'not be disposed', phrase(`a disposed ${kind}`), 'Create a new one.');
}

/**
 * Throws unless `value` is an integer in [min, max].
 *
 * @param max default 2^31 - 1, the largest int32.
 * @throws OptionError
 * @example
 * requireInteger('createFsq', 'levels[2]', 1, 2); // createFsq: levels[2] must be an integer >= 2, got 1. Use 2 or more.
 */
export function requireInteger(
  where: string,
  argument: string,
  value: unknown,
  min: number,
  max: number = MAX_INT32,
): asserts value is number {
  const holds = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
  const tooLarge = typeof value === 'number' && value > max;
  const rule = max === MAX_INT32 && !tooLarge ? `an integer >= ${min}` : `an integer from ${min} to ${max}`;
  const tooSmall = typeof value === 'number' && value < min;
  const fix = tooSmall ? `Use ${min} or more.` : tooLarge ? `Use ${max} or less.` : `Pass ${rule}.`;
  requireOption(holds, where, argument, rule, value, fix);
}

/**
 * Throws unless `value` is a finite number >= 0, such as the weight of a loss.
 *
 * @throws OptionError
 * @example
 * requireNonNegative('createLfq', 'entropyLossWeight', 0.1);
 */
export function requireNonNegative(where: string, argument: string, value: unknown): asserts value is number {
  const holds = typeof value === 'number' && Number.isFinite(value) && value >= 0;
  requireOption(holds, where, argument, 'a finite number >= 0', value, 'Use 0 to switch it off.');
}

/**
 * Throws unless `value` is a finite number > 0, such as a temperature.
 *
 * @throws OptionError
 * @example
 * requirePositive('createLfq', 'codebookScale', 1);
 */
export function requirePositive(where: string, argument: string, value: unknown): asserts value is number {
  const holds = typeof value === 'number' && Number.isFinite(value) && value > 0;
  requireOption(holds, where, argument, 'a finite number > 0', value, 'Use a value above 0.');
}

/**
 * Throws unless `value` is a number from 0 to 1, both included.
 *
 * @throws OptionError
 * @example
 * requireFraction('createFsq', 'noiseDropout', 0.5);
 */
export function requireFraction(where: string, argument: string, value: unknown): asserts value is number {
  const holds = typeof value === 'number' && value >= 0 && value <= 1;
  requireOption(holds, where, argument, 'a number from 0 to 1', value, 'Pass a fraction such as 0.5.');
}

/**
 * Throws unless `value` is true or false: 1 and 'yes' are not.
 *
 * @throws OptionError
 * @example
 * requireBoolean('createFsq', 'preserveSymmetry', true);
 */
export function requireBoolean(where: string, argument: string, value: unknown): asserts value is boolean {
  requireOption(typeof value === 'boolean', where, argument, 'true or false', value, 'Pass a boolean.');
}

/**
 * Throws unless `value` is one of the allowed words.
 *
 * @throws OptionError
 * @example
 * requireOneOf('createFsq', 'dataFormat', 'channelsLast', ['channelsLast', 'channelsFirst']);
 */
export function requireOneOf(where: string, argument: string, value: unknown, allowed: readonly string[]): void {
  const names = allowed.map((name) => `'${name}'`).join(', ');
  requireOption(allowed.includes(value as string), where, argument, `one of ${names}`, value, `Pick one of ${names}.`);
}

/**
 * Throws when `options` is not a plain object or has a key that is not in `known`: a misspelt option must not be ignored in
 * silence.
 *
 * @throws OptionError
 * @example
 * requireKnownOptions('createFsq', { level: [8, 5, 5] }, ['levels']); // createFsq: options must have no 'level', got [8,5,5]. Known options: levels.
 */
export function requireKnownOptions(where: string, options: unknown, known: readonly string[]): void {
  const holds = typeof options === 'object' && options !== null && !Array.isArray(options);
  requireOption(holds, where, 'options', 'an object', options, 'Pass one object, for example {}.');
  for (const [key, value] of Object.entries(options as object)) {
    if (known.includes(key)) continue;
    const fix = `Known options: ${[...known].sort().join(', ')}.`;
    throw new OptionError(where, 'options', `have no '${shorten(key)}'`, value, fix);
  }
}
