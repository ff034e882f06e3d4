import { describe, expect, it } from 'vitest';
import { DataError, DtypeError } from '../src/errors.ts';
import { floatsOf, integersOf, type PlainTensor } from '../src/plain-tensor.ts';

const plain = (dtype: string | undefined, data: PlainTensor['data']): PlainTensor => ({
  ...(dtype === undefined ? {} : { dtype }),
  shape: [data.length],
  data,
});
const floats = (dtype: string | undefined, data: PlainTensor['data']): number[] => [
  ...floatsOf('load', 'w', plain(dtype, data)),
];
const integers = (dtype: string | undefined, data: PlainTensor['data']): number[] => [
  ...integersOf('load', 'ids', plain(dtype, data)),
];

describe('floatsOf', () => {
  it('reads all 65,536 F16 and BF16 by their definitions', () => {
    const bits = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
    const words = new Uint32Array(2 ** 16).map((_, i) => i << 16);
    // A BF16 is the upper half of a float32.
    expect(floats('BF16', bits)).toEqual([...new Float32Array(words.buffer)]);
    const half = floats('F16', bits);
    for (const [i, value] of half.entries()) {
      const [e, m] = [(i >> 10) & 31, i & 1023];
      const size = e === 31 ? (m === 0 ? Infinity : NaN) : e === 0 ? m / 2 ** 24 : 2 ** (e - 15) * (1 + m / 1024);
      expect(Object.is(value, i < 2 ** 15 ? size : -size) || (Number.isNaN(value) && Number.isNaN(size))).toBe(true);
    }
  });

  it('reads 8-bit floats: E5M2 as the upper half of F16, E4M3 up to 448 and without infinity', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(floats('F8_E5M2', bytes)).toEqual(
      floats(
        'F16',
        Uint16Array.from(bytes, (byte) => byte << 8),
      ),
    );
    const [tiny, one, most, nan, negative] = floats('F8_E4M3', new Uint8Array([1, 0x38, 0x7e, 0x7f, 0xc0]));
    expect([tiny, one, most, nan, negative]).toEqual([2 ** -9, 1, 448, Number.NaN, -2]);
  });

  it('takes from other types what float32 holds, and refuses the rest by name', () => {
    expect(floats('F64', new Float64Array([0.5, -0, Number.NaN, Infinity]))).toEqual([0.5, -0, Number.NaN, Infinity]);
    expect(floats('I64', new BigInt64Array([-3n, 2n ** 62n]))).toEqual([-3, 2 ** 62]);
    expect(floats('BOOL', new Uint8Array([0, 1]))).toEqual([0, 1]);
    expect(floats('I32', new Int32Array([2 ** 24]))).toEqual([2 ** 24]);
    for (const [dtype, data, shown] of [
      ['F64', new Float64Array([1, 0.1]), '0.1 at flat position 1'],
      ['F64', new Float64Array([1e300]), '1e+300'],
      ['I32', new Int32Array([2 ** 24 + 1]), '16777217'],
      ['I64', new BigInt64Array([2n ** 53n + 1n]), '9007199254740993n'],
    ] as const) {
      expect(() => floats(dtype, data)).toThrow(DataError);
      expect(() => floats(dtype, data)).toThrow(`load: 'w' must hold values that float32 holds exactly, got ${shown}`);
    }
  });

  it('rounds plain numbers, and refuses bits of no known format', () => {
    expect(floats(undefined, [0.1, 2])).toEqual([Math.fround(0.1), 2]);
    expect(floats('float32', [0.1, 2])).toEqual([Math.fround(0.1), 2]);
    const values = new Float32Array(2);
    expect(floatsOf('load', 'w', plain('F32', values))).toBe(values);
    expect(() => floats(undefined, new Uint16Array(1))).toThrow(DtypeError);
    expect(() => floats('F6_E3M2', new Uint8Array(1))).toThrow('must have a dtype whose values are known, got F6_E3M2');
  });
});

describe('integersOf', () => {
  it('takes every integer type within int32', () => {
    for (const [dtype, data] of [
      ['I8', new Int8Array([-1, 5])],
      ['I16', new Int16Array([-1, 5])],
      ['I32', new Int32Array([-1, 5])],
      ['I64', new BigInt64Array([-1n, 5n])],
    ] as const)
      expect(integers(dtype, data)).toEqual([-1, 5]);
    for (const [dtype, data] of [
      ['U8', new Uint8Array([255, 5])],
      ['U16', new Uint16Array([255, 5])],
      ['U32', new Uint32Array([255, 5])],
      ['U64', new BigUint64Array([255n, 5n])],
    ] as const)
      expect(integers(dtype, data)).toEqual([255, 5]);
  });

  it('refuses what would wrap, and what is no integer', () => {
    for (const [dtype, data] of [
      ['I64', new BigInt64Array([2n ** 32n + 3n])],
      ['I64', new BigInt64Array([-(2n ** 31n) - 1n])],
      ['U64', new BigUint64Array([2n ** 64n - 1n])],
      ['U32', new Uint32Array([2 ** 31])],
    ] as const) {
      expect(() => integers(dtype, data)).toThrow(DataError);
      expect(() => integers(dtype, data)).toThrow(
        /load: 'ids' must hold values that int32 holds exactly, got -?\d+n? at/,
      );
    }
    for (const dtype of ['F32', 'BOOL', undefined]) expect(() => integers(dtype, [1])).toThrow(DtypeError);
  });
});
