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
 * }
 */
export class QuantizerError extends Error {
  override name = 'QuantizerError';
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
 * Writes a value the way an error message shows it: on one line, at most 80 characters, telling `"8"` from `8` from `8n` and NaN
 * from null.
 *
 * @example
 * show([8, '5', NaN]); // [8,"5",NaN]
 */
export function show(value: unknown): string {
  const text = write(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text;
}

function write(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) {
    // More elements than characters are never shown.
    const shown = value.slice(0, LONGEST).map(show);
    return `[${shown.join(',')}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return `a ${value.constructor?.name ?? 'class instance'}`;
  try {
    return JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'number' && !Number.isFinite(part) ? `${part}` : part,
    );
  } catch {
    return 'an object that JSON cannot hold';
  }
}
