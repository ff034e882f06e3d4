import { DataError } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { decodeNpy, encodeNpy } from '../src/tokens/npy.ts';

/** An .npy file as NumPy writes it, from its header's dictionary and its data. */
function npy(dictionary: string, data: Uint8Array, version = 1): Uint8Array {
  const lengthBytes = version === 1 ? 2 : 4;
  const start = Math.ceil((8 + lengthBytes + dictionary.length + 1) / 64) * 64;
  const bytes = Buffer.alloc(start + data.length, ' ');
  bytes.write('\x93NUMPY', 'latin1');
  bytes.set([version, 0], 6);
  bytes.writeUIntLE(start - 8 - lengthBytes, 8, lengthBytes);
  bytes.write(dictionary, 8 + lengthBytes);
  bytes.write('\n', start - 1);
  bytes.set(data, start);
  return bytes;
}

const header = (descr: string, shape: string, order = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`;
const bytesOf = (data: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(data.buffer);

describe('encodeNpy', () => {
  it('writes what numpy.save writes', () => {
    const ids = new Int32Array([1, -1, 2 ** 31 - 1, 0, 5, 6]);
    expect(Buffer.from(encodeNpy(ids, [2, 3]))).toEqual(npy(header('<i4', '2, 3'), bytesOf(ids)));
    expect(Buffer.from(encodeNpy(ids, [6]))).toEqual(npy(header('<i4', '6,'), bytesOf(ids)));
  });

  it.each([[[6]], [[2, 3]], [[1, 2, 1, 3]], [[0, 7, 7]]])('brings the shape %o back', (shape) => {
    const ids = Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 7 * i);
    expect(decodeNpy(encodeNpy(ids, shape), 'x')).toEqual({ data: ids, shape });
  });
});

describe('decodeNpy', () => {
  it.each([
    ['|i1', Int8Array],
    ['|u1', Uint8Array],
    ['<i2', Int16Array],
    ['<u2', Uint16Array],
    ['<i4', Int32Array],
    ['<u4', Uint32Array],
    ['<i8', BigInt64Array],
    ['<u8', BigUint64Array],
  ] as const)('reads %s', (descr, Type) => {
    const values = [3, 100, 0];
    const data: { buffer: ArrayBufferLike } = new Type(3);
    values.forEach((value, i) => {
      Object.assign(data, { [i]: descr.endsWith('8') ? BigInt(value) : value });
    });
    for (const version of [1, 2]) {
      expect(decodeNpy(npy(header(descr, '3,'), bytesOf(data), version), 'x').data).toEqual(new Int32Array(values));
    }
  });

  it('refuses what is no array of such integers', () => {
    const data = bytesOf(new Int32Array(4));
    const refused: [Uint8Array, string][] = [
      [new Uint8Array(80), 'must be an .npy file, got other bytes.'],
      [npy(header('<f4', '4,'), data), 'must hold integers, little-endian and row-major'],
      [npy(header('>i4', '4,'), data), 'must hold integers'],
      [npy(header('<i4', '2, 2', 'True'), data), 'must hold integers'],
      [npy(header('<i4', '5,'), data), 'must have 148 bytes (<i4 [5]), got 144.'],
      [npy(header('<i8', '1,'), bytesOf(new BigInt64Array([2n ** 40n]))), 'values of 32 bits, got 1099511627776'],
    ];
    for (const [bytes, message] of refused) {
      expect(() => decodeNpy(bytes, 'a.npy')).toThrow(DataError);
      expect(() => decodeNpy(bytes, 'a.npy')).toThrow(`decodeNpy: a.npy must`);
      expect(() => decodeNpy(bytes, 'a.npy')).toThrow(message);
    }
  });
});
