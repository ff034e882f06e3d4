import { phrase, show } from '@vqkit/core-tensor/errors';
import { bytesPerValue, count, isCounts, isWhole, type SafeDtype, type SafeTensor, tensorOf } from './dtypes.ts';
import { CheckpointError } from './errors.ts';

const MAGIC = '\x93NUMPY';
const PREFIX_BYTES = 10;
/** The data start at a multiple of this. */
const ALIGNMENT = 64;

/** NumPy's types, little-endian or of one byte, by the dtypes of safetensors. */
const DTYPES: { readonly [descr in string]?: SafeDtype } = {
  '|b1': 'BOOL',
  '|i1': 'I8',
  '|u1': 'U8',
  '<i2': 'I16',
  '<u2': 'U16',
  '<i4': 'I32',
  '<u4': 'U32',
  '<i8': 'I64',
  '<u8': 'U64',
  '<f2': 'F16',
  '<f4': 'F32',
  '<f8': 'F64',
};

/** The three entries of a header, in any order. */
const HEADER = /^\{ *(?:'(?:descr|fortran_order|shape)' *: *(?:'[^']*'|True|False|\([\d, ]*\)) *,? *){3}\}\s*$/;

/**
 * The bytes of an .npy file, version 1.0, that holds int32 values row-major: what `numpy.load` reads.
 *
 * @example
 * await writeFile('ids.npy', encodeNpy(new Int32Array([1, 2, 3, 4]), [2, 2]));
 */
export function encodeNpy(data: Int32Array, shape: readonly number[]): Uint8Array {
  const header = encodeNpyHeader('I32', shape);
  const bytes = new Uint8Array(header.length + data.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return bytes;
}

/**
 * The beginning of an .npy file, version 1.0, whose values follow row-major: for one that is written in blocks.
 *
 * @throws CheckpointError for a dtype that NumPy does not have.
 * @example
 * await writeFileAtomic('rows.npy', [encodeNpyHeader('F32', [1, 2]), new Uint8Array(8)]);
 */
export function encodeNpyHeader(dtype: SafeDtype, shape: readonly number[]): Uint8Array {
  const [descr] = Object.entries(DTYPES).find(([, known]) => known === dtype) ?? [];
  if (descr === undefined) {
    throw new CheckpointError('encodeNpyHeader', 'dtype', "be one of NumPy's", dtype, "Write float32: 'F32'.");
  }
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${axes}), }`;
  const start = Math.ceil((PREFIX_BYTES + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start);
  const header = `${dictionary.padEnd(start - PREFIX_BYTES - 1)}\n`;
  bytes.set(Uint8Array.from(MAGIC, (letter) => letter.charCodeAt(0)));
  bytes.set([1, 0, header.length & 255, header.length >> 8], MAGIC.length);
  bytes.set(new TextEncoder().encode(header), PREFIX_BYTES);
  return bytes;
}

/**
 * Reads an .npy file of numbers or booleans, row-major and little-endian, of version 1.0, 2.0 or 3.0: a tensor such as
 * `decodeSafetensors` gives. `integersOf` and `floatsOf` of @vqkit/core-tensor make numbers of it.
 *
 * @param source what to call it in errors, such as its path.
 * @throws CheckpointError when it is something else or damaged.
 * @example
 * const { dtype, shape, data } = decodeNpy(await readFile('ids.npy'), 'ids.npy');
 */
export function decodeNpy(bytes: Uint8Array, source = 'the data'): SafeTensor {
  const { start, dtype, shape } = decodeNpyHeader(bytes, bytes.length, source);
  const tensor = tensorOf(dtype, shape, bytes.subarray(start));
  return isWhole(tensor) ? tensor : fail(source, 'hold booleans of 0 or 1', 'others');
}

/** What an .npy file holds, and the byte at which its values start. */
export interface NpyHeader {
  readonly dtype: SafeDtype;
  readonly shape: readonly number[];
  readonly start: number;
}

/** So many bytes from the start of an .npy file hold all that {@link decodeNpyHeader} reads: an array of NumPy has 64 axes at most. */
export const NPY_HEADER_BYTES = 2048;

/**
 * What an .npy file holds, from its beginning alone. It checks all that {@link decodeNpy} does, but for the values.
 *
 * @param start the file's first {@link NPY_HEADER_BYTES}, or all; `fileBytes` its size; `source` what to call it in errors.
 * @throws CheckpointError as `decodeNpy` does.
 * @example
 * const { dtype, shape } = decodeNpyHeader(encodeNpy(Int32Array.of(1, 2), [2]), 136); // I32, [ 2 ]
 */
export function decodeNpyHeader(start: Uint8Array, fileBytes: number, source = 'the data'): NpyHeader {
  const magic = String.fromCharCode(...start.subarray(0, MAGIC.length));
  const [major = 0] = start.subarray(MAGIC.length);
  if (magic !== MAGIC || start.length < 12 || major < 1 || major > 3) fail(source, 'be an .npy file', 'other bytes');
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const prefix = major === 1 ? PREFIX_BYTES : 12;
  const end = prefix + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  const header = new TextDecoder().decode(start.subarray(prefix, Math.min(end, prefix + 2000)));
  const entry = (pattern: RegExp): string | undefined => (HEADER.test(header) ? pattern.exec(header)?.[1] : undefined);
  const descr = entry(/'descr' *: *'([^']*)'/) ?? '';
  const dtype = Object.hasOwn(DTYPES, descr) ? DTYPES[descr] : undefined;
  const axes = entry(/'shape' *: *\(([^)]*)\)/);
  if (dtype === undefined || axes === undefined || entry(/'fortran_order' *: *(False)/) === undefined) {
    return fail(source, 'hold numbers, little-endian and row-major', show(header.trim()));
  }
  const shape = axes.split(',').flatMap((axis) => (axis.trim() === '' ? [] : [Number(axis)]));
  if (!isCounts(shape)) return fail(source, 'have a shape of integers >= 0', show(axes));
  const size = end + count(shape) * bytesPerValue(dtype);
  if (fileBytes !== size) fail(source, `have ${size} bytes (${descr} ${show(shape)})`, `${fileBytes}`);
  return { dtype, shape, start: end };
}

function fail(source: string, rule: string, found: string): never {
  throw new CheckpointError(
    'decodeNpy',
    source,
    rule,
    phrase(found),
    "Write it with numpy.save(…, numpy.ascontiguousarray(ids, '<i4')), or pass what vqkit encode wrote.",
  );
}
