/**
 * Data types of safetensors and the typed array that holds each. JavaScript has no half floats everywhere, so `F16`, `BF16` and
 * the 8-bit floats are kept as their raw bits; `BOOL` is one byte per value, 0 or 1.
 */
interface SafeArrays {
  F64: Float64Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
  F32: Float32Array;
  I32: Int32Array;
  U32: Uint32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I16: Int16Array;
  U16: Uint16Array;
  F8_E4M3: Uint8Array;
  F8_E5M2: Uint8Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

interface ArrayClass<Data> {
  new (buffer: ArrayBufferLike): Data;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

const ARRAYS: { readonly [Dtype in SafeDtype]: ArrayClass<SafeArrays[Dtype]> } = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I16: Int16Array,
  U16: Uint16Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/** A data type of safetensors, by its name in the file. */
export type SafeDtype = keyof SafeArrays;

/** A tensor as plain data. `data` has one element per value, row-major. */
export type SafeTensor = {
  [Dtype in SafeDtype]: { readonly dtype: Dtype; readonly shape: readonly number[]; readonly data: SafeArrays[Dtype] };
}[SafeDtype];

export const DTYPES: readonly SafeDtype[] = Object.keys(ARRAYS) as SafeDtype[];

export function isDtype(name: unknown): name is SafeDtype {
  return typeof name === 'string' && Object.hasOwn(ARRAYS, name);
}

export function bytesPerValue(dtype: SafeDtype): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** Whether `data` is the typed array that holds `dtype`. */
export function holds(dtype: SafeDtype, data: unknown): boolean {
  return data instanceof ARRAYS[dtype];
}

export function arrayName(dtype: SafeDtype): string {
  return ARRAYS[dtype].name;
}

/** Whether a tensor of booleans holds nothing but 0 and 1, which it does not when it was damaged; any other tensor does. */
export function isWhole({ dtype, data }: SafeTensor): boolean {
  return dtype !== 'BOOL' || data.every((value) => value <= 1);
}

export function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** The number of values of a shape. */
export function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The tensor whose values are `bytes`, copied into memory of their own, which aligns them. */
export function tensorOf(dtype: SafeDtype, shape: readonly number[], bytes: Uint8Array): SafeTensor {
  // Not slice(), which does not copy what is a Buffer of Node.
  const data = new ARRAYS[dtype](new Uint8Array(bytes).buffer);
  return { dtype, shape, data } as SafeTensor;
}
