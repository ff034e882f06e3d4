import { DataError, DtypeError, phrase, shorten, show } from './errors.ts';

/** A tensor as plain data, row-major, such as `@vqkit/checkpoint` reads from a file. */
export interface PlainTensor {
  /** How `data` hold the values, by the names of safetensors: `F16` are bits, for example. Without such a name they are numbers as they stand. */
  readonly dtype?: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** Floats that are stored as bits: how many of exponent and of mantissa. */
const FLOATS: { readonly [dtype in string]?: readonly [exponent: number, mantissa: number] } = {
  F16: [5, 10],
  BF16: [8, 7],
  F8_E5M2: [5, 2],
  F8_E4M3: [4, 3],
};

const NUMBERS = /^(F32|F64|BOOL|[IU]\d+)$/;

/**
 * The values of a tensor as float32: every F16, BF16 and 8-bit float, and what float32 can hold of F64 and of integers, exactly. Numbers
 * without a dtype of a file are rounded, as `Float32Array.from` does.
 *
 * @param where the caller and `name` the tensor: both for errors.
 * @returns `data` itself where it is a Float32Array.
 * @throws DataError for the first value that float32 cannot hold; DtypeError for bits of a format that is not known.
 * @example
 * floatsOf('load', 'w', { dtype: 'F16', shape: [2], data: new Uint16Array([0x3c00, 0xc100]) }); // [ 1, -2.5 ]
 */
export function floatsOf(where: string, name: string, { dtype, data }: PlainTensor): Float32Array {
  if (data instanceof Float32Array) return data;
  const format = FLOATS[`${dtype}`];
  const isNumbers = NUMBERS.test(`${dtype}`);
  const mayBeBits = data instanceof Uint16Array || data instanceof Uint8Array;
  if (format === undefined && !isNumbers && mayBeBits) {
    throw new DtypeError(
      where,
      `'${shorten(name)}'`,
      'have a dtype whose values are known',
      dtype,
      "Pass { dtype: 'F16', … }, or convert it.",
    );
  }
  return Float32Array.from(data as ArrayLike<number>, (stored, at) => {
    if (format !== undefined) return decodeFloat(stored, format);
    const value = Number(stored);
    const isExact =
      typeof stored === 'bigint' ? BigInt(Math.fround(value)) === stored : Object.is(Math.fround(value), value);
    if (isNumbers && !isExact)
      throw inexact(where, name, 'float32', stored, at, 'Round it in PyTorch with tensor.float().');
    return value;
  });
}

/**
 * The values of a tensor of integers as int32.
 *
 * @param where the caller and `name` the tensor: both for errors.
 * @returns `data` itself where it is an Int32Array.
 * @throws DtypeError for other types, DataError for the first value that int32 cannot hold.
 * @example
 * integersOf('decode', 'ids', { dtype: 'I64', shape: [2], data: new BigInt64Array([3n, -1n]) }); // [ 3, -1 ]
 */
export function integersOf(where: string, name: string, { dtype, data }: PlainTensor): Int32Array {
  if (!/^[IU]\d+$/.test(`${dtype}`)) {
    throw new DtypeError(where, `'${shorten(name)}'`, 'be of integers', dtype, 'Convert it with tensor.int().');
  }
  if (data instanceof Int32Array) return data;
  return Int32Array.from(data as ArrayLike<number>, (stored, at) => {
    const value = Number(stored);
    if (value !== (value | 0)) throw inexact(where, name, 'int32', stored, at, 'Keep it below 2^31.');
    return value;
  });
}

/**
 * Throws unless every value of a tensor of floats is finite; one of integers is.
 *
 * @param argument what the tensor is, such as `weight 'encoder.conv1.bias'`; `where` the caller.
 * @throws DataError for the first that is not.
 * @example
 * requireFinite('load', "weight 'w'", { dtype: 'F32', shape: [1], data: new Float32Array([NaN]) }, 'Save another.'); // throws
 */
export function requireFinite(where: string, argument: string, tensor: PlainTensor, fix: string): void {
  if (/^[IU]/.test(`${tensor.dtype}`)) return;
  const values = floatsOf(where, argument, tensor);
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new DataError(
    where,
    shorten(argument),
    'be finite',
    phrase(`${values[at]} at flat position ${at}`, values[at]),
    fix,
  );
}

/** A sign, an exponent e, a mantissa m: ± 2^(e - bias) · 1.m, at e = 0 ± 2^(1 - bias) · 0.m. E4M3 has no infinity. */
function decodeFloat(bits: number, [exponentBits, mantissaBits]: readonly [number, number]): number {
  const top = 2 ** exponentBits - 1;
  const one = 2 ** mantissaBits;
  const exponent = (bits >> mantissaBits) & top;
  const mantissa = bits & (one - 1);
  const sign = bits >> (exponentBits + mantissaBits) ? -1 : 1;
  const hasInfinity = exponentBits > 4;
  if (exponent === top && (hasInfinity || mantissa === one - 1)) {
    return hasInfinity && mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  const fraction = exponent === 0 ? mantissa : mantissa + one;
  return sign * fraction * 2 ** (Math.max(1, exponent) - (top >> 1) - mantissaBits);
}

function inexact(where: string, name: string, type: string, value: unknown, at: number, fix: string): DataError {
  const rule = `hold values that ${type} holds exactly`;
  return new DataError(where, `'${shorten(name)}'`, rule, phrase(`${show(value)} at flat position ${at}`, value), fix);
}
