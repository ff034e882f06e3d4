/** What an error says that it got, in words of its own; see {@link phrase}. */
class Phrase {
  declare readonly text: string;
  declare readonly value: unknown;
}

/**
 * What an error got, for its message, where the bare value would not say it.
 *
 * @param text follows "got" as it is.
 * @param value what the error's field `value` has. Default the text.
 * @example
 * const error = new DataError('readIds', 'ids', 'be >= 0', phrase('-3 in row 7', -3), 'Write them again.');
 * console.log(error.message); // 'readIds: ids must be >= 0, got -3 in row 7. Write them again.'
 */
export function phrase(text: string, value: unknown = text): Phrase {
  return Object.assign(new Phrase(), { text, value });
}

/**
 * The {@link phrase} of an error where another one is thrown in its place: the first line of its message.
 *
 * @example
 * const cause = new Error('no such file.');
 * const error = new DataError('readIds', 'ids.npy', 'be a file', reason(cause), 'Check the path.', { cause });
 * console.log(error.message); // 'readIds: ids.npy must be a file, got no such file. Check the path.'
 */
export function reason(error: unknown): Phrase {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return phrase(line.replace(/\.$/, ''), error);
}

/**
 * Base of every error that vqkit throws on purpose; catch this one to catch them all.
 *
 * An error is made of five fields, and its message of these: `${where}: ${argument} must ${rule}, got ${value}. ${fix}`.
 *
 * @example
 * try {
 *   createFsq({ levels: [8, 5, 1] });
 * } catch (error) {
 *   if (error instanceof QuantizerError) {
 *     console.error(error.name, error.message); // OptionError createFsq: levels[2] must be an integer >= 2, got 1. Use 2 or more.
 *     console.error(error.where, error.argument, error.rule, error.value, error.fix);
 *   }
 * }
 */
export class QuantizerError extends Error {
  override name = 'QuantizerError';
  /** The function that was called, such as `createFsq`. */
  declare readonly where: string;
  /** The option, argument or thing that breaks the rule, such as `levels[2]`. */
  declare readonly argument: string;
  /** What it must do or be, such as `be an integer >= 2`. */
  declare readonly rule: string;
  /** What it is. */
  declare readonly value: unknown;
  /** How the message shows the value. */
  declare readonly got: string;
  /** What to do, in whole sentences, such as `Use 2 or more.` */
  declare readonly fix: string;

  /** @param value shown on one line, in at most 80 characters; as it is said where it is a {@link phrase}. */
  constructor(where: string, argument: string, rule: string, value: unknown, fix: string, options?: ErrorOptions) {
    const { text: got, value: found } = value instanceof Phrase ? value : { text: new.target.show(value), value };
    super(`${where}: ${argument} must ${rule}, got ${got}. ${fix}`, options);
    Object.assign(this, { where, argument, rule, value: found, got, fix });
  }

  /** How a value is written in a message. */
  protected static show: (value: unknown) => string = show;
}

/** An option or argument breaks its rule. */
export class OptionError extends QuantizerError {
  override name = 'OptionError';
}

/** A tensor has the wrong shape or rank. */
export class ShapeError extends QuantizerError {
  override name = 'ShapeError';

  protected static override show: (value: unknown) => string = (value) =>
    `${Array.isArray(value) ? 'shape ' : ''}${show(value)}`;
}

/** A tensor has the wrong dtype, for example float indices. */
export class DtypeError extends QuantizerError {
  override name = 'DtypeError';

  protected static override show: (value: unknown) => string = (value) =>
    typeof value === 'string' ? shorten(value) : show(value);
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

/**
 * An error for programs that go on without what it is about: why it cannot be had, and what would help.
 *
 * @example
 * const error = new UnsupportedError('init', 'this page', 'have WebGPU', phrase('none'), 'Use @vqkit/backend-wasm.');
 * obstacleOf(error); // { reason: 'this page must have WebGPU, got none', fix: 'Use @vqkit/backend-wasm.' }
 */
export function obstacleOf(error: unknown): { readonly reason: string; readonly fix: string } {
  if (!(error instanceof QuantizerError)) return { reason: reason(error).text, fix: '' };
  const { argument, rule, got, fix } = error;
  return { reason: `${argument} must ${rule}, got ${got}`, fix };
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
