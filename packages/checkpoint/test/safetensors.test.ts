import { QuantizerError } from '@vqkit/core-tensor/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesPerValue, DTYPES, tensorOf } from '../src/dtypes.ts';
import { CheckpointError, decodeSafetensors, encodeSafetensors, type SafeTensor } from '../src/index.ts';

/** A file byte by byte from the published format, with any header and any data. */
function file(header: string, data: readonly number[], announced: bigint = BigInt(header.length)): Uint8Array {
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, announced, true);
  return Uint8Array.from([...prefix, ...new TextEncoder().encode(header), ...data]);
}

const tensor = fc
  .record({ dtype: fc.constantFrom(...DTYPES), shape: fc.array(fc.nat(4), { maxLength: 4 }) })
  .chain(({ dtype, shape }) => {
    const length = shape.reduce((a, b) => a * b, 1) * bytesPerValue(dtype);
    const max = dtype === 'BOOL' ? 1 : 255;
    return fc.uint8Array({ minLength: length, maxLength: length, max }).map((bytes) => tensorOf(dtype, shape, bytes));
  });
const tensors = fc.dictionary(
  fc.string().filter((name) => name !== '__metadata__'),
  tensor,
  { maxKeys: 6, noNullPrototype: true },
);
const metadata = fc.dictionary(fc.string(), fc.string(), { maxKeys: 4, noNullPrototype: true });

const bytesOf = ({ data }: SafeTensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A file that safetensors 0.8.0 for Python wrote from torch tensors. */
const WRITTEN_BY_PYTHON = [
  'eAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJpIjp7ImR0eXBlIjoiSTY0Iiwic2hhcGUiOlsyLDFdLCJkYXRhX29mZn',
  'NldHMiOlswLDE2XX0sInciOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzE2LDQwXX0sInMiOnsiZHR5cGUi',
  'OiJJMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzQwLDQ0XX0sImIiOnsiZHR5cGUiOiJCRjE2Iiwic2hhcGUiOlsyXSwiZGF0YV9vZm',
  'ZzZXRzIjpbNDQsNDhdfSwiaCI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzQ4LDUyXX0sImZsYWciOnsiZHR5',
  'cGUiOiJCT09MIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNTIsNTRdfX0gICAgICAg//////////8AAAAAAAEAAAAAIMAAAMC/AAAAvw',
  'AAAD8AAMA/AAAgQAcAAABAQAC/AD4AwAEA',
].join('');

describe('encodeSafetensors', () => {
  it('writes the published format byte by byte', () => {
    const encoded = encodeSafetensors(
      {
        b: { dtype: 'U8', shape: [3], data: new Uint8Array([7, 8, 9]) },
        a: { dtype: 'F32', shape: [1, 2], data: new Float32Array([1, -2]) },
        c: { dtype: 'I64', shape: [], data: new BigInt64Array([-1n]) },
      },
      { made: 'here' },
    );
    const json =
      '{"__metadata__":{"made":"here"},"c":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
      '"a":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},"b":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}';
    const data = [...Array<number>(8).fill(0xff), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 7, 8, 9];
    expect(encoded).toEqual(file(json.padEnd(200, ' '), data));
  });

  it('gives back every tensor and note bit for bit', () => {
    fc.assert(
      fc.property(tensors, metadata, (given, notes) => {
        const encoded = encodeSafetensors(given, notes);
        const read = decodeSafetensors(encoded);
        expect(read.metadata).toEqual(notes);
        expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(given).sort());
        for (const [name, { dtype, shape, data }] of Object.entries(given)) {
          const back = read.tensors[name] as SafeTensor;
          expect([back.dtype, back.shape]).toEqual([dtype, shape]);
          expect(back.data.constructor).toBe(data.constructor);
          expect(bytesOf(back)).toEqual(bytesOf({ dtype, shape, data } as SafeTensor));
        }
      }),
    );
  });

  it('starts the data at a multiple of 8 and aligns every tensor to its own type', () => {
    fc.assert(
      fc.property(tensors, metadata, (given, notes) => {
        const encoded = encodeSafetensors(given, notes);
        const length = Number(new DataView(encoded.buffer).getBigUint64(0, true));
        expect(length % 8).toBe(0);
        const header = JSON.parse(new TextDecoder().decode(encoded.subarray(8, 8 + length))) as Record<string, unknown>;
        for (const [name, { dtype }] of Object.entries(given)) {
          const { data_offsets: offsets } = header[name] as { data_offsets: [number, number] };
          expect(offsets[0] % bytesPerValue(dtype)).toBe(0);
        }
      }),
    );
  });

  it('does not depend on the order of the keys', () => {
    const x: SafeTensor = { dtype: 'F32', shape: [1], data: new Float32Array([1]) };
    const y: SafeTensor = { dtype: 'F32', shape: [1], data: new Float32Array([2]) };
    expect(encodeSafetensors({ x, y })).toEqual(encodeSafetensors({ y, x }));
  });

  it('copies NaN payloads, signed zeros and subnormals as they are', () => {
    const words = new Uint32Array([0x7fc00001, 0xffc12345, 0x80000000, 0x00000001, 0x7f800000]);
    const data = new Float32Array(words.buffer);
    const { x } = decodeSafetensors(encodeSafetensors({ x: { dtype: 'F32', shape: [5], data } })).tensors;
    expect(new Uint32Array((x as SafeTensor).data.buffer)).toEqual(words);
  });

  it('reads arrays that are views of a larger buffer', () => {
    const data = new Float32Array([0, 1, 2, 3]).subarray(1, 3);
    const { x } = decodeSafetensors(encodeSafetensors({ x: { dtype: 'F32', shape: [2], data } })).tensors;
    expect(x?.data).toEqual(new Float32Array([1, 2]));
  });

  const f32 = new Float32Array(4);
  it.each([
    ['dtype', { x: { dtype: 'F99', shape: [4], data: f32 } }, {}, /tensor 'x' must have a dtype of F64, .*got "F99"/],
    ['array', { x: { dtype: 'I32', shape: [4], data: f32 } }, {}, /'x' must be a Int32Array \(I32\), got Float32Array/],
    ['no array', { x: { dtype: 'I32', shape: [4] } }, {}, /'x' must be a Int32Array \(I32\), got undefined/],
    ['length', { x: { dtype: 'F32', shape: [5], data: f32 } }, {}, /'x' must have 5 values \(shape \[5\]\), got 4/],
    ['shape', { x: { dtype: 'F32', shape: [-4], data: f32 } }, {}, /shape of tensor 'x' .* integers >= 0, got \[-4\]/],
    [
      'boolean',
      { x: { dtype: 'BOOL', shape: [2], data: new Uint8Array([1, 2]) } },
      {},
      /'x' must be booleans of 0 or 1, got others\. Use U8/,
    ],
    ['name', { __metadata__: { dtype: 'F32', shape: [4], data: f32 } }, {}, /name must not be '__metadata__'/],
    ['metadata', {}, { step: 3 }, /metadata must be an object of strings, got {"step":3}/],
    ['header', {}, { note: 'x'.repeat(100_000_001) }, /header must take at most 100000000 bytes, got 1000000/],
  ])('refuses a wrong %s', (_, given, notes, message) => {
    const call = (): Uint8Array =>
      encodeSafetensors(given as Record<string, SafeTensor>, notes as unknown as Record<string, string>);
    expect(call).toThrow(CheckpointError);
    expect(call).toThrow(message);
  });
});

describe('decodeSafetensors', () => {
  it('reads a file built byte by byte', () => {
    const header =
      '{"w":{"dtype":"F32","shape":[2],"data_offsets":[2,10]},"flags":{"dtype":"BOOL","shape":[2,1],"data_offsets":[0,2]}} ';
    const read = decodeSafetensors(file(header, [1, 0, 0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc1]));
    expect(read).toEqual({
      tensors: {
        w: { dtype: 'F32', shape: [2], data: new Float32Array([1, -10]) },
        flags: { dtype: 'BOOL', shape: [2, 1], data: new Uint8Array([1, 0]) },
      },
      metadata: {},
    });
  });

  it('gives arrays of their own, also from a Buffer at an odd address', () => {
    const encoded = encodeSafetensors({ x: { dtype: 'F64', shape: [1], data: new Float64Array([0.1]) } });
    const buffer = Buffer.from(new ArrayBuffer(encoded.length + 3), 3, encoded.length);
    buffer.set(encoded);
    const { x } = decodeSafetensors(buffer).tensors;
    buffer.fill(0);
    expect(x?.data).toEqual(new Float64Array([0.1]));
  });

  it('keeps a tensor named __proto__ as data', () => {
    const header = '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
    const { tensors: read } = decodeSafetensors(file(header, [5]));
    expect(Object.keys(read)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  const info = (begin: number, end: number, shape = `[${end - begin}]`, dtype = 'U8'): string =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
  const four = [1, 2, 3, 4];
  const huge = 100_000_001n;
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(), /at least 8 bytes, got 0/],
    ['seven bytes', new Uint8Array(7), /at least 8 bytes, got 7/],
    ['a header over 100 MB', file('{}', [], huge), /header of at most 100000000 bytes, got 100000001/],
    ['a length of 2^64 - 1', file('{}', [], 2n ** 64n - 1n), /at most 100000000 bytes, got 18446744073709551615/],
    ['a header cut short', file('{}', [], 3n), /the 3 bytes of header that it announces, got 2/],
    ['no JSON', file('{]', []), /header of JSON in UTF-8, got /],
    ['no header', file('', four), /header of JSON in UTF-8, got /],
    ['bad UTF-8', Uint8Array.from([4, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0xfe, 0x7d]), /JSON in UTF-8/],
    ['an array', file('[]', []), /starts with '{', got "\[\]"/],
    ['null', file('null', []), /starts with '{', got "null"/],
    ['space first', file(' {}', []), /starts with '{', got " {}"/],
    [
      'a name twice',
      file(`{"x":${info(0, 4)},"x":${info(0, 4)}}`, four),
      /header of JSON with every key once, got "x" twice/,
    ],
    ['a name twice, escaped', file(`{"x":${info(0, 4)},"\\u0078":${info(0, 4)}}`, four), /got "x" twice/],
    ['a key twice', file('{"x":{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]}}', four), /"shape" twice/],
    ['a null tensor', file('{"x":null}', []), /tensor 'x' must have a dtype of .*got undefined/],
    [
      'an unknown dtype',
      file(`{"x":${info(0, 4, '[4]', 'C64')}}`, four),
      /tensor 'x' must have a dtype of .*got "C64"/,
    ],
    ['a dtype of Object', file(`{"x":${info(0, 4, '[4]', 'toString')}}`, four), /got "toString"/],
    ['no shape', file('{"x":{"dtype":"U8","data_offsets":[0,4]}}', four), /shape of integers >= 0, got undefined/],
    ['a negative size', file(`{"x":${info(0, 4, '[-4]')}}`, four), /shape of integers >= 0, got \[-4\]/],
    ['half a size', file(`{"x":${info(0, 4, '[4.5]')}}`, four), /shape of integers >= 0, got \[4.5\]/],
    ['no offsets', file('{"x":{"dtype":"U8","shape":[4]}}', four), /data_offsets .* got undefined/],
    ['three offsets', file('{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,2,4]}}', four), /got \[0,2,4\]/],
    ['offsets in reverse', file('{"x":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}', four), /got \[4,0\]/],
    ['a size that differs', file(`{"x":${info(0, 4, '[2]', 'F32')}}`, four), /take 8 bytes \(F32 \[2\]\), got 4/],
    ['a shape beyond counting', file(`{"x":${info(0, 4, '[4503599627370496,4503599627370496]')}}`, four), /got 4\./],
    ['a gap', file(`{"x":${info(1, 4)}}`, four), /tensor 'x' must start at data byte 0, .*got 1/],
    [
      'an overlap',
      file(`{"x":${info(0, 3)},"y":${info(2, 4)}}`, four),
      /tensor 'y' must start at data byte 3, .*got 2/,
    ],
    ['data cut short', file(`{"x":${info(0, 4)}}`, [1, 2, 3]), /'x' must end within the file's 3 bytes of data, got 4/],
    ['data left over', file(`{"x":${info(0, 3)}}`, four), /at data byte 3, got 4 bytes/],
    ['a boolean of 2', file(`{"x":${info(0, 4, '[4]', 'BOOL')}}`, [0, 1, 2, 1]), /'x' must hold booleans of 0 or 1/],
    [
      'values nested 3,000 deep',
      file(`{"x":${'['.repeat(3000)}${']'.repeat(3000)}}`, []),
      /JSON nested at most 64 deep/,
    ],
    [
      'a name of 10 million letters',
      file(`{"${'n'.repeat(10_000_000)}":3}`, []),
      /tensor 'n{77}\.\.\.' must have a dtype/,
    ],
    ['metadata of numbers', file('{"__metadata__":{"a":1}}', []), /metadata must be an object of strings, got {"a":1}/],
    ['metadata null', file('{"__metadata__":null}', []), /metadata must be an object of strings, got null/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'w.safetensors')).toThrow(CheckpointError);
    expect(() => decodeSafetensors(bytes, 'w.safetensors')).toThrow(message);
    expect(() => decodeSafetensors(bytes, 'w.safetensors')).toThrow(/^decodeSafetensors: w\.safetensors/);
  });

  it('reads names and notes of 16 million letters, escaped ones too', () => {
    const long = `${'n'.repeat(16_000_000)}${'\\"'.repeat(100_000)}`;
    const x = { dtype: 'U8', shape: [1], data: new Uint8Array([5]) } as const;
    const read = decodeSafetensors(encodeSafetensors({ [long]: x }, { images: JSON.stringify([long]) }));
    expect(Object.keys(read.tensors)).toEqual([long]);
    expect(read.metadata.images).toBe(JSON.stringify([long]));
  });

  it('refuses every truncation of a valid file', () => {
    const encoded = encodeSafetensors({
      a: { dtype: 'F32', shape: [3], data: new Float32Array(3) },
      b: { dtype: 'U8', shape: [1], data: new Uint8Array(1) },
    });
    for (let length = 0; length < encoded.length; length++) {
      expect(() => decodeSafetensors(encoded.subarray(0, length))).toThrow(CheckpointError);
    }
  });

  it('throws nothing but CheckpointError, whatever the bytes', () => {
    const damaged = fc.tuple(tensors, fc.nat(), fc.nat(255)).map(([given, at, value]) => {
      const encoded = encodeSafetensors(given);
      encoded[at % encoded.length] = value;
      return encoded;
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array()), (bytes) => {
        try {
          decodeSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
          expect(error).toBeInstanceOf(QuantizerError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a file that the Python library wrote', () => {
  const { tensors, metadata } = decodeSafetensors(Buffer.from(WRITTEN_BY_PYTHON, 'base64'));

  it('is read as it was written', () => {
    expect(metadata).toEqual({ format: 'pt' });
    expect(tensors).toEqual({
      w: { dtype: 'F32', shape: [2, 3], data: new Float32Array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]) },
      h: { dtype: 'F16', shape: [2], data: new Uint16Array([0x3e00, 0xc000]) },
      b: { dtype: 'BF16', shape: [2], data: new Uint16Array([0x4040, 0xbf00]) },
      i: { dtype: 'I64', shape: [2, 1], data: new BigInt64Array([-1n, 2n ** 40n]) },
      flag: { dtype: 'BOOL', shape: [2], data: new Uint8Array([1, 0]) },
      s: { dtype: 'I32', shape: [], data: new Int32Array([7]) },
    });
  });

  it('holds the same after being written again', () => {
    expect(decodeSafetensors(encodeSafetensors(tensors, metadata))).toEqual({ tensors, metadata });
  });
});
