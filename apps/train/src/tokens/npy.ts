import { DataError } from '@vqkit/core-tensor';

const MAGIC = '\x93NUMPY';
const PREFIX_BYTES = 10;
/** The data start at a multiple of this. */
const ALIGNMENT = 64;

/** Integers of NumPy, little-endian or of one byte, and how each is read. */
const READERS: Readonly<Record<string, { bytes: number; read: (view: DataView, at: number) => number }>> = {
  '|i1': { bytes: 1, read: (view, at) => view.getInt8(at) },
  '|u1': { bytes: 1, read: (view, at) => view.getUint8(at) },
  '<i2': { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  '<u2': { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  '<i4': { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  '<u4': { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  '<i8': { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  '<u8': { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
};

/** The bytes of an .npy file, version 1.0, that holds int32 values row-major: what `numpy.load` reads. */
export function encodeNpy(data: Int32Array, shape: readonly number[]): Uint8Array {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '<i4', 'fortran_order': False, 'shape': (${axes}), }`;
  const start = Math.ceil((PREFIX_BYTES + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + data.byteLength);
  const header = `${dictionary.padEnd(start - PREFIX_BYTES - 1)}\n`;
  bytes.set(Uint8Array.from(MAGIC, (letter) => letter.charCodeAt(0)));
  bytes.set([1, 0, header.length & 255, header.length >> 8], MAGIC.length);
  bytes.set(new TextEncoder().encode(header), PREFIX_BYTES);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

/**
 * Reads an .npy file of integers, row-major and little-endian, of version 1.0, 2.0 or 3.0.
 *
 * @param source what to call it in errors, such as its path.
 * @throws DataError when it is something else, is damaged, or a value does not fit into 32 bits.
 */
export function decodeNpy(bytes: Uint8Array, source: string): { data: Int32Array; shape: number[] } {
  const where = `decodeNpy: ${source}`;
  const fail = (rule: string, found: string): never => {
    throw new DataError(
      `${where} must ${rule}, got ${found}. Write it with numpy.save(…, ids.astype('int32')), or pass what vqkit encode wrote.`,
    );
  };
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  const [major = 0] = bytes.subarray(MAGIC.length);
  if (magic !== MAGIC || bytes.length < 12 || major < 1 || major > 3) fail('be an .npy file', 'other bytes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const prefix = major === 1 ? PREFIX_BYTES : 12;
  const start = prefix + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  const header = new TextDecoder().decode(bytes.subarray(prefix, start));
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? '';
  const reader = READERS[descr];
  const axes = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (axes === undefined || reader === undefined || !/'fortran_order':\s*False/.test(header)) {
    return fail('hold integers, little-endian and row-major', JSON.stringify(header.trim()));
  }
  const shape = axes
    .split(',')
    .filter((axis) => axis.trim() !== '')
    .map(Number);
  const count = shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== start + count * reader.bytes) {
    fail(`have ${start + count * reader.bytes} bytes (${descr} [${shape}])`, `${bytes.length}`);
  }
  const data = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const value = reader.read(view, start + i * reader.bytes);
    data[i] = value;
    if (data[i] !== value) fail('hold values of 32 bits', `${value} at flat position ${i}`);
  }
  return { data, shape };
}
