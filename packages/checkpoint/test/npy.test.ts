import { pythonFile } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { CheckpointError, decodeNpy, encodeNpy } from '../src/index.ts';

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
    expect(decodeNpy(encodeNpy(ids, shape), 'x')).toEqual({ dtype: 'I32', shape, data: ids });
  });
});

describe('decodeNpy', () => {
  it.each([
    ['|b1', 'BOOL', Uint8Array],
    ['|i1', 'I8', Int8Array],
    ['|u1', 'U8', Uint8Array],
    ['<i2', 'I16', Int16Array],
    ['<u2', 'U16', Uint16Array],
    ['<i4', 'I32', Int32Array],
    ['<u4', 'U32', Uint32Array],
    ['<i8', 'I64', BigInt64Array],
    ['<u8', 'U64', BigUint64Array],
    ['<f2', 'F16', Uint16Array],
    ['<f4', 'F32', Float32Array],
    ['<f8', 'F64', Float64Array],
  ] as const)('reads %s', (descr, dtype, Type) => {
    const data: { buffer: ArrayBufferLike } = new Type(3);
    [1, 0, 1].forEach((value, i) => {
      Object.assign(data, { [i]: /[iu]8/.test(descr) ? BigInt(value) : value });
    });
    for (const version of [1, 2, 3]) {
      const read = decodeNpy(npy(header(descr, '3,'), bytesOf(data), version), 'x');
      expect(read).toEqual({ dtype, shape: [3], data });
    }
  });

  it('reads what NumPy writes', () => {
    expect(decodeNpy(pythonFile('ids-i64.npy'))).toEqual({
      dtype: 'I64',
      shape: [2, 2, 2],
      data: new BigInt64Array([0n, 3n, 19n, 7n, 1n, 2n, 4n, 5n]),
    });
    expect(decodeNpy(pythonFile('ids-bool.npy'))).toMatchObject({ dtype: 'BOOL', shape: [2, 2, 2] });
  });

  it('reads a header in another order and spacing, as other writers have it', () => {
    const data = bytesOf(new Int32Array([1, 2, 3, 4]));
    for (const dictionary of [
      "{'shape': (2, 2), 'fortran_order': False, 'descr': '<i4'}",
      "{'descr':'<i4','fortran_order':False,'shape':(2,2)}",
    ]) {
      expect(decodeNpy(npy(dictionary, data), 'x')).toMatchObject({
        shape: [2, 2],
        data: new Int32Array([1, 2, 3, 4]),
      });
    }
  });

  it('refuses what is no array of such numbers', () => {
    const data = bytesOf(new Int32Array(4));
    const refused: [Uint8Array, string][] = [
      [new Uint8Array(80), 'must be an .npy file, got other bytes.'],
      [npy(header('<c8', '2,'), data), 'must hold numbers, little-endian and row-major'],
      [npy(header('|O', '2,'), data), 'must hold numbers, little-endian and row-major'],
      [npy(header('toString', '2,'), data), 'must hold numbers, little-endian and row-major'],
      [npy(header('>i4', '4,'), data), 'must hold numbers'],
      [npy(header('<i4', '2, 2', 'True'), data), 'must hold numbers'],
      [npy("{'descr': '<i4', 'descr': '<i4', 'fortran_order': False}", data), 'must hold numbers'],
      [npy(`${header('<i4', '4,')} import os`, data), 'must hold numbers'],
      [npy(header('<i4', '4 4'), data), 'must have a shape of integers >= 0, got "4 4".'],
      [npy(header('<i4', '5,'), data), 'must have 148 bytes (<i4 [5]), got 144.'],
      [npy(header('<i4', '9007199254740993,'), data), 'must have a shape of integers >= 0'],
      [npy(header('|b1', '16,'), new Uint8Array(16).fill(3)), 'must hold booleans of 0 or 1'],
      [pythonFile('ids-fortran.npy'), "row-major, got \"{'descr': '<i4', 'fortran_order': True"],
      [pythonFile('ids-big-endian.npy'), "little-endian and row-major, got \"{'descr': '>i4'"],
    ];
    for (const [bytes, message] of refused) {
      expect(() => decodeNpy(bytes, 'a.npy')).toThrow(CheckpointError);
      expect(() => decodeNpy(bytes, 'a.npy')).toThrow(`decodeNpy: a.npy must`);
      expect(() => decodeNpy(bytes, 'a.npy')).toThrow(message);
    }
  });
});
