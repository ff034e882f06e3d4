// Damages whole files: bytes as they stand, and the inner parts of a format so that what is outside still holds.
import { createHash } from 'node:crypto';
import { crc32, gunzipSync, gzipSync } from 'node:zlib';
import { decodeSafetensors, encodeSafetensors } from '../../packages/checkpoint/dist/index.js';
import { CHECKSUM } from '../../packages/checkpoint/dist/node.js';

/**
 * @typedef {import('../../packages/core-tensor/dist/index.js').Rng} Rng
 * @typedef {import('../../packages/checkpoint/dist/index.js').SafeTensor} SafeTensor
 * @typedef {(rng: Rng, bytes: Uint8Array, other: Uint8Array) => Uint8Array} Mutator
 */

/**
 * @template T
 * @param {Rng} rng
 * @param {readonly T[]} list
 * @returns {T}
 */
export function pick(rng, list) {
  return /** @type {T} */ (list[rng.integer(list.length)]);
}

const NUMBERS = [
  0,
  1,
  -1,
  2,
  255,
  256,
  65_535,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32 + 3,
  4e9,
  2 ** 53 - 1,
  2 ** 53,
];

/** One to four damages of bytes. @type {Mutator} */
export function mutateBytes(rng, bytes, other) {
  /** @type {Buffer} */
  let damaged = Buffer.from(bytes);
  for (let i = 1 + rng.integer(4); i > 0; i--) damaged = damageBytes(rng, damaged, other);
  return damaged;
}

/**
 * @param {Rng} rng
 * @param {Buffer} bytes
 * @param {Uint8Array} other
 * @returns {Buffer}
 */
function damageBytes(rng, bytes, other) {
  if (bytes.length === 0) return Buffer.from(other);
  const at = rng.integer(bytes.length);
  const length = Math.min(bytes.length - at, 1 + rng.integer(16));
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
  switch (rng.integer(8)) {
    case 0:
    case 1:
      bytes[at] = /** @type {number} */ (bytes[at]) ^ (1 << rng.integer(8));
      return bytes;
    case 2:
      bytes[at] = pick(rng, [0, 1, 0x20, 0x22, 0x30, 0x5b, 0x5c, 0x7b, 0x7f, 0x80, 0xff]);
      return bytes;
    case 3:
      return Buffer.concat([before, after]);
    case 4:
      return Buffer.concat([before, part, part, after]);
    case 5:
      return Buffer.from(before);
    case 6:
      return Buffer.concat([before, other.subarray(rng.integer(other.length + 1)), rng.integer(2) ? after : part]);
    default:
      return putNumber(rng, bytes, at);
  }
}

/**
 * A size or a length of some width and order of bytes.
 * @param {Rng} rng
 * @param {Buffer} bytes
 * @param {number} at
 */
function putNumber(rng, bytes, at) {
  const place = rng.integer(2) === 0 ? at : Math.min(at, rng.integer(16));
  const value = pick(rng, NUMBERS);
  if (place + 8 > bytes.length) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset + place);
  if (rng.integer(2) === 0) view.setUint32(0, value % 2 ** 32, rng.integer(2) === 0);
  else view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), rng.integer(2) === 0);
  return bytes;
}

const KEYS = ['__proto__', 'constructor', 'toString', '__metadata__', 'ids', 'length', '', 'a'.repeat(5000), '\u0000'];

/**
 * A value that a reader might not expect, as JSON text: numbers beyond every range, other types, deep nesting, long text.
 * @param {Rng} rng
 * @returns {string}
 */
function strangeJson(rng) {
  switch (rng.integer(12)) {
    case 0:
    case 1:
    case 2:
      return String(pick(rng, NUMBERS));
    case 3:
      return pick(rng, ['0.5', '-0', '1e308', '-1e308', '1e999', '1e-320', '1.0000000000000001']);
    case 4:
      return pick(rng, ['null', 'true', 'false', '{}', '[]', '[null]', '""', '" "', '"0"', '"NaN"', '"../../x"']);
    case 5: {
      const depth = pick(rng, [10, 64, 65, 3000, 20_000]);
      return rng.integer(2) ? '['.repeat(depth) + ']'.repeat(depth) : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    }
    case 6:
      return JSON.stringify('x'.repeat(pick(rng, [100, 10_000, 1_000_000])));
    case 7:
      return `[${Array(pick(rng, [3, 17, 1000, 50_000]))
        .fill(pick(rng, ['0', '1', '""', '[]', '1e9']))
        .join()}]`;
    case 8:
      return `{${JSON.stringify(pick(rng, KEYS))}:${strangeJson(rng)}}`;
    case 9:
      return pick(rng, ['{"a":1,"a":2}', '{', '[1,', 'undefined', 'NaN', '"\\ud800"', "'a'", '/**/1']);
    case 10:
      return JSON.stringify(
        pick(rng, ['fsq', 'vq', 'residual-vq', 'F16', 'BOOL', 'I64', 'train', 'validation', 'folder']),
      );
    default:
      return JSON.stringify(pick(rng, KEYS));
  }
}

/**
 * A JSON text with one or two of its values, keys or members replaced.
 * @param {Rng} rng
 * @param {string} text
 */
function mutateJson(rng, text) {
  let damaged = text;
  for (let i = 1 + rng.integer(2); i > 0; i--) damaged = damageJson(rng, damaged);
  return damaged;
}

/**
 * @param {Rng} rng
 * @param {string} text
 */
function damageJson(rng, text) {
  // Words of JSON in their places: a text that is no JSON any more has them too.
  const words = [...text.matchAll(/"(?:[^"\\]|\\.){0,200}"|-?\d[\d.eE+-]*|true|false|null/g)];
  if (words.length === 0) return strangeJson(rng);
  const word = pick(rng, words);
  const [start, end] = [word.index, word.index + word[0].length];
  const isKey = text[end] === ':';
  const rest = text.slice(end);
  if (!isKey) {
    const scaled = Number(word[0]) * pick(rng, [-1, 2, 10, 1e6, 1e12]);
    const value = /^[-\d]/.test(word[0]) && rng.integer(3) === 0 ? String(scaled) : strangeJson(rng);
    return text.slice(0, start) + value + rest;
  }
  const member = /^:(?:"(?:[^"\\]|\\.){0,200}"|[^{}[\],"]*),?/.exec(rest)?.[0] ?? ':';
  const key = JSON.stringify(pick(rng, KEYS));
  switch (rng.integer(4)) {
    case 0:
      return text.slice(0, start) + key + rest;
    case 1:
      return text.slice(0, start) + rest.slice(member.length);
    case 2:
      return `${text.slice(0, start)}${word[0]}:${strangeJson(rng)},${text.slice(start)}`;
    default:
      return `${text.slice(0, start)}${key}:${strangeJson(rng)},${text.slice(start)}`;
  }
}

/** @type {Mutator} */
export function mutateJsonFile(rng, bytes) {
  return Buffer.from(mutateJson(rng, Buffer.from(bytes).toString('utf8')));
}

/** One line or two of many. @type {Mutator} */
export function mutateLines(rng, bytes) {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  for (let i = 1 + rng.integer(2); i > 0; i--) {
    const at = rng.integer(lines.length);
    lines[at] = mutateJson(rng, /** @type {string} */ (lines[at]));
  }
  return Buffer.from(lines.join('\n'));
}

/** The header of a safetensors file, its length put right. @type {Mutator} */
export function mutateHeader(rng, bytes) {
  const file = Buffer.from(bytes);
  const end = 8 + Number(file.readBigUInt64LE(0));
  const header = Buffer.from(mutateJson(rng, file.toString('utf8', 8, end)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, file.subarray(end)]);
}

/** What a safetensors file holds: well formed outside, its checksum right. @type {Mutator} */
export function mutateContent(rng, bytes, other) {
  // A bare array has nothing inside.
  if (bytes[0] === 0x93) return mutateBytes(rng, bytes, other);
  const { tensors, metadata } = decodeSafetensors(bytes);
  for (let i = 1 + rng.integer(2); i > 0; i--) {
    if (rng.integer(2) === 0 && Object.keys(metadata).length > 0) {
      const key = pick(rng, Object.keys(metadata));
      if (rng.integer(8) === 0) delete metadata[key];
      else metadata[key] = mutateJson(rng, metadata[key] ?? '');
    } else if (Object.keys(tensors).length > 0) {
      const key = pick(rng, Object.keys(tensors));
      const changed = mutateTensor(rng, /** @type {SafeTensor} */ (tensors[key]), other);
      delete tensors[key];
      const name =
        rng.integer(10) === 0
          ? pick(
              rng,
              KEYS.filter((name) => name !== '__metadata__'),
            )
          : key;
      if (changed !== undefined)
        Object.defineProperty(tensors, name, { value: changed, enumerable: true, configurable: true, writable: true });
    }
  }
  if (Object.hasOwn(metadata, CHECKSUM)) {
    delete metadata[CHECKSUM];
    metadata[CHECKSUM] = createHash('sha256').update(encodeSafetensors(tensors, metadata)).digest('hex');
  }
  return encodeSafetensors(tensors, metadata);
}

const DTYPES = /** @type {const} */ ([
  ['F32', Float32Array],
  ['F64', Float64Array],
  ['F16', Uint16Array],
  ['BF16', Uint16Array],
  ['F8_E4M3', Uint8Array],
  ['I64', BigInt64Array],
  ['U64', BigUint64Array],
  ['I32', Int32Array],
  ['U32', Uint32Array],
  ['I16', Int16Array],
  ['U8', Uint8Array],
  ['I8', Int8Array],
  ['BOOL', Uint8Array],
]);

/**
 * @param {Rng} rng
 * @param {SafeTensor} tensor
 * @param {Uint8Array} other
 * @returns {SafeTensor | undefined}
 */
function mutateTensor(rng, { dtype, shape, data }, other) {
  const size = data.length;
  /** @type {(dtype: string, shape: readonly number[], data: unknown) => SafeTensor} */
  const made = (...parts) => {
    const [type, axes, values] = parts;
    return /** @type {SafeTensor} */ ({ dtype: type, shape: axes, data: values });
  };
  switch (rng.integer(6)) {
    case 0:
      return undefined;
    case 1: {
      const [name, Type] = pick(rng, DTYPES);
      const most = name === 'BOOL' ? 2 : 256;
      const kept = Array.from(/** @type {ArrayLike<number | bigint>} */ (data), (value) => {
        if (name === 'F32' || name === 'F64') return Number(value);
        return Number.isFinite(Number(value)) ? Math.abs(Math.trunc(Number(value))) % most : 0;
      });
      const values = Type === BigInt64Array || Type === BigUint64Array ? kept.map(BigInt) : kept;
      return made(name, shape, Reflect.construct(Type, [values]));
    }
    case 2: {
      const values = data.slice();
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      if (bytes.length > 0 && dtype !== 'BOOL') bytes[rng.integer(bytes.length)] = other[0] ?? 0xff;
      return made(dtype, shape, values);
    }
    case 3: {
      const values = data.slice();
      const strange = [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e30, 2 ** 31];
      if (size > 0 && dtype === 'F32') values[rng.integer(size)] = pick(rng, strange);
      if (size > 0 && dtype === 'I64') values[rng.integer(size)] = pick(rng, [2n ** 40n, -1n, 2n ** 31n]);
      if (size > 0 && dtype === 'I32') values[rng.integer(size)] = pick(rng, [-1, -2, 2 ** 31 - 1, 20]);
      return made(dtype, shape, values);
    }
    case 4: {
      const shapes = [[size], [1, ...shape], [...shape, 1], [...shape].reverse(), [size, 1, 1]];
      return made(dtype, pick(rng, shapes), data);
    }
    default:
      return made(dtype, [0, ...pick(rng, [[], [2 ** 40], [3, 4]])], data.slice(0, 0));
  }
}

/** What a gzip holds. @type {Mutator} */
export function mutateGzip(rng, bytes, other) {
  if (bytes[0] !== 0x1f) return mutateBytes(rng, bytes, other);
  return gzipSync(mutateBytes(rng, gunzipSync(bytes), other), { level: 1 });
}

/** Sizes and colours of a PNG, its check sum put right. @type {Mutator} */
export function mutatePngHeader(rng, bytes, other) {
  if (bytes[0] !== 0x89) return mutateBytes(rng, bytes, other);
  const file = Buffer.from(bytes);
  for (const at of [16, 20])
    if (rng.integer(2) === 0)
      file.writeUInt32BE(
        pick(
          rng,
          NUMBERS.filter((n) => n >= 0 && n < 2 ** 32),
        ),
        at,
      );
  if (rng.integer(2) === 0) file[24 + rng.integer(5)] = pick(rng, [0, 1, 2, 3, 4, 6, 8, 16, 255]);
  file.writeUInt32BE(crc32(file.subarray(12, 29)), 29);
  return file;
}

/** Whatever a file of a run has inside. @type {Mutator} */
export function mutateInside(rng, bytes, other) {
  if (bytes[0] !== 0x7b) return mutateContent(rng, bytes, other);
  return (bytes.includes(10) ? mutateLines : mutateJsonFile)(rng, bytes, other);
}
