/** What an error says, apart. */
export interface ErrorFacts {
  /** The function that was called, such as `createFsq`. */
  readonly where: string;
  /** The option or argument, such as `levels[2]`. */
  readonly argument: string;
  /** What it must be, without "must be". */
  readonly rule: string;
  /** What it is. */
  readonly value: unknown;
  /** A sentence that says what to do. */
  readonly fix: string;
}

/**
 * Base of every error that vqkit throws on purpose; catch this one to catch them all.
 *
 * Every message says the function, the argument, the rule, the value that was tested and the fix:
 * `createFsq: levels[2] must be an integer >= 2, got 1. Use 2 or more.`
 *
 * @example
 * try {
 *   createFsq({ levels: [8, 5, 1] });
 * } catch (error) {
 *   if (error instanceof QuantizerError) console.error(error.name, error.message); // OptionError createFsq: levels[2] must …
 *   if (error instanceof QuantizerError) console.error(error.facts?.argument, error.facts?.fix); // levels[2] Use 2 or more.
 * }
 */
export class QuantizerError extends Error {
  override name = 'QuantizerError';
  /** What the message is made of, where a check of one argument threw it. */
  declare readonly facts?: ErrorFacts;

  /** @param what the message, or the facts that it is made of. */
  constructor(what?: string | ErrorFacts, options?: ErrorOptions) {
    super(typeof what === 'object' ? textOf(what) : what, options);
    if (typeof what === 'object') this.facts = what;
  }
}

function textOf({ where, argument, rule, value, fix }: ErrorFacts): string {
  return `${where}: ${argument} must be ${rule}, got ${show(value)}. ${fix}`;
}

/** An option or argument breaks its rule. */
export class OptionError extends QuantizerError {
  override name = 'OptionError';
}

/** A tensor has the wrong shape or rank. */
export class ShapeError extends QuantizerError {
  override name = 'ShapeError';
}

/** A tensor has the wrong dtype, for example float indices. */
export class DtypeError extends QuantizerError {
  override name = 'DtypeError';
}

/** The data of a tensor break a rule; thrown only by the checks that read data, such as `assertFinite` and `assertIndices`. */
export class DataError extends QuantizerError {
  override name = 'DataError';
}

/** A quantizer was used after `dispose()`. */
export class DisposedError extends QuantizerError {
  override name = 'DisposedError';
}

/** The request is valid but beyond a stated limit, or the running engine cannot do it. */
export class UnsupportedError extends QuantizerError {
  override name = 'UnsupportedError';
}

const LONGEST = 80;

/**
 * Cuts a text, such as a name from a file, to the 80 characters that an error message shows of it.
 *
 * @example
 * shorten('a'.repeat(1000)); // aaaa… (77 of them) and three dots
 */
export function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text;
}

/**
 * Writes a value the way an error message shows it: on one line, at most 80 characters, telling `"8"` from `8` from `8n` and NaN
 * from null. It writes no more than it shows, however large or deeply nested the value is.
 *
 * @example
 * show([8, '5', NaN]); // [8,"5",NaN]
 */
export function show(value: unknown): string {
  return shorten(write(value, LONGEST));
}

/** The first characters, `room` and a few more: every level of nesting takes one of them at least. */
function write(value: unknown, room: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, LONGEST));
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  const isList = Array.isArray(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!isList && prototype !== Object.prototype && prototype !== null) {
    return `a ${value.constructor?.name ?? 'class instance'}`;
  }
  let text = isList ? '[' : '{';
  for (const key of isList ? value.slice(0, LONGEST).keys() : Object.keys(value)) {
    if (text.length > room) break;
    if (text.length > 1) text += ',';
    const part = (value as Record<PropertyKey, unknown>)[key];
    const asText = !isList && typeof part === 'number' && !Number.isFinite(part);
    text += (isList ? '' : `${write(key, 0)}:`) + write(asText ? `${part}` : part, room - text.length);
  }
  return text + (isList ? ']' : '}');
}
