/** Base of every error that vqkit throws on purpose. Catch this one to catch them all. */
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

/** The data of a tensor break a rule; thrown only by the checks that read data ({@link assertFinite}, {@link assertIndices}). */
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

/** Writes a value the way an error message shows it: short, on one line, and telling `"8"` from `8`. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (value === undefined || typeof value === 'number' || typeof value === 'bigint') return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = String(value);
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
