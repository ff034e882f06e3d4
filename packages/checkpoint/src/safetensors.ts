import { phrase, shorten, show } from '@vqkit/core-tensor/errors';
import {
  arrayName,
  bytesPerValue,
  count,
  DTYPES,
  holds,
  isCounts,
  isDtype,
  isWhole,
  type SafeDtype,
  type SafeTensor,
  tensorOf,
} from './dtypes.ts';
import { CheckpointError } from './errors.ts';
import { parseJson } from './json.ts';

/** What a safetensors file holds. */
export interface SafeFile {
  readonly tensors: Record<string, SafeTensor>;
  /** The file's own notes, `{}` when it has none. */
  readonly metadata: Record<string, string>;
}

/** The format's own limit on the JSON header. */
const MAX_HEADER_BYTES = 100_000_000;
const PREFIX_BYTES = 8;
const METADATA = '__metadata__';
const DECODE = 'decodeSafetensors';
const FIX = 'The file is damaged, cut short or not safetensors; write or download it again.';

/**
 * Writes tensors in the safetensors format: 8 bytes with the header's length (little-endian), the header (JSON, padded with
 * spaces so that the data start at a multiple of 8), then every tensor's bytes without a gap.
 *
 * Values are copied as bytes: NaN payloads and -0 survive. Tensors lie in the order of the reference writer, wider types first,
 * then by name, so every tensor is aligned to its own type and equal content gives equal bytes. Bytes are little-endian, as
 * in memory on every common machine.
 *
 * @throws CheckpointError when a dtype is unknown, an array is not the type of its dtype, its length is not the product of the
 * shape, or a name or note is not allowed.
 * @example
 * const bytes = encodeSafetensors({ w: { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) } });
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, SafeTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const where = 'encodeSafetensors';
  const entries = Object.entries(tensors);
  for (const [name, tensor] of entries) checkTensor(where, name, tensor);
  requireMetadata(where, metadata);
  entries.sort(([a, x], [b, y]) => bytesPerValue(y.dtype) - bytesPerValue(x.dtype) || (a < b ? -1 : 1));
  const start = encodeSafetensorsHeader(entries, metadata);
  const end = entries.reduce((total, [, { data }]) => total + data.byteLength, 0);
  const bytes = new Uint8Array(start.length + end);
  bytes.set(start);
  let at = start.length;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * The beginning of a safetensors file whose tensors' bytes follow in this order without a gap: for one that is written in blocks.
 *
 * @throws CheckpointError when it would be longer than the format allows.
 * @example
 * await writeFileAtomic('w.safetensors', [encodeSafetensorsHeader([['w', { dtype: 'F32', shape: [2] }]]), new Uint8Array(8)]);
 */
export function encodeSafetensorsHeader(
  tensors: readonly (readonly [name: string, { readonly dtype: SafeDtype; readonly shape: readonly number[] }])[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  let end = 0;
  const placed = tensors.map(([name, { dtype, shape }]) => {
    const begin = end;
    end += count(shape) * bytesPerValue(dtype);
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const notes = Object.keys(metadata).length > 0 ? [[METADATA, metadata] as const] : [];
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries<unknown>([...notes, ...placed])));
  const headerBytes = Math.ceil(header.length / 8) * 8;
  const most = `take at most ${MAX_HEADER_BYTES} bytes`;
  const fewer = 'Shorten the metadata or use fewer tensors.';
  require(headerBytes <= MAX_HEADER_BYTES, 'encodeSafetensors', 'the header', most, headerBytes, fewer);
  const bytes = new Uint8Array(PREFIX_BYTES + headerBytes).fill(0x20, PREFIX_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(header, PREFIX_BYTES);
  return bytes;
}

/**
 * Reads a safetensors file. Nothing is believed: the header's length, its JSON, every dtype, shape and offset, that tensors
 * neither overlap nor leave gaps, and that the file ends where the last one does.
 *
 * @param file its bytes.
 * @param source what to call it in errors, such as its path.
 * @returns tensors with arrays of their own, bit for bit as stored, and the metadata.
 * @throws CheckpointError naming the source, the tensor, what was expected and what was found.
 * @example
 * const { tensors, metadata } = decodeSafetensors(new Uint8Array(await (await fetch(url)).arrayBuffer()), url);
 */
export function decodeSafetensors(file: Uint8Array, source = 'the data'): SafeFile {
  const { metadata, tensors: placed } = decodeSafetensorsHeader(file, file.length, source);
  const tensors = Object.entries(placed).map(([name, { begin, end, ...info }]) => {
    return [name, safetensorOf(name, info, file.subarray(begin, end), source)] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** A tensor's place in a file: its bytes are those from `begin` to before `end`, counted from the start of the file. */
export interface SafePlace {
  readonly dtype: SafeDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What a safetensors file holds, and where. */
export interface SafeHeader {
  readonly tensors: Record<string, SafePlace>;
  /** The file's own notes, `{}` when it has none. */
  readonly metadata: Record<string, string>;
}

/**
 * Reads the header of a safetensors file, and no more of it: see {@link decodeSafetensorsHeader}.
 *
 * @param file `read` gives the bytes from `begin` to before `end`; `name` is what to call it in errors.
 * @throws CheckpointError as `decodeSafetensors` does.
 * @example
 * const file = { name: 'the data', size: bytes.length, read: async (begin: number, end: number) => bytes.subarray(begin, end) };
 * const { tensors } = await readSafetensorsHeader(file);
 */
export async function readSafetensorsHeader({
  name,
  size,
  read,
}: {
  readonly name: string;
  readonly size: number;
  readonly read: (begin: number, end: number) => Promise<Uint8Array>;
}): Promise<SafeHeader> {
  const start = await read(0, Math.min(size, PREFIX_BYTES));
  return decodeSafetensorsHeader(await read(0, headerEnd(start, size, name)), size, name);
}

/** The number of bytes up to the end of the header, which the first 8 of a file announce. */
function headerEnd(start: Uint8Array, fileBytes: number, source: string): number {
  const least = `have at least ${PREFIX_BYTES} bytes`;
  require(fileBytes >= PREFIX_BYTES, DECODE, source, least, fileBytes);
  const announced = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  const most = `have a header of at most ${MAX_HEADER_BYTES} bytes`;
  require(announced <= MAX_HEADER_BYTES, DECODE, source, most, phrase(`${announced}`, announced));
  const end = PREFIX_BYTES + Number(announced);
  const all = `have the ${announced} bytes of header that it announces`;
  require(end <= fileBytes, DECODE, source, all, fileBytes - PREFIX_BYTES);
  return end;
}

/**
 * What a safetensors file holds and where, from its beginning alone: the way to read single tensors of a large one. It checks all that
 * {@link decodeSafetensors} does, but for the values.
 *
 * @param start the file's bytes up to the end of the header, or more; `fileBytes` its size; `source` what to call it in errors.
 * @throws CheckpointError as `decodeSafetensors` does.
 * @example
 * const { tensors } = decodeSafetensorsHeader(bytes, bytes.length);
 */
export function decodeSafetensorsHeader(start: Uint8Array, fileBytes: number, source = 'the data'): SafeHeader {
  const where = `${DECODE}: ${source}`;
  const dataStart = headerEnd(start, fileBytes, source);
  const { [METADATA]: metadata = {}, ...infos } = parseHeader(source, start.subarray(PREFIX_BYTES, dataStart));
  requireMetadata(where, metadata);

  const placed = Object.entries(infos).map(([name, info]) => readInfo(where, name, info));
  placed.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const dataBytes = fileBytes - dataStart;
  let reached = 0;
  for (const { name, begin, end } of placed) {
    const tensor = `tensor '${shorten(name)}'`;
    const there = `start at data byte ${reached}, where the one before it ends`;
    require(begin === reached, where, tensor, there, begin);
    require(end <= dataBytes, where, tensor, `end within the file's ${dataBytes} bytes of data`, end);
    reached = end;
  }
  const last = `end where its last tensor does, at data byte ${reached}`;
  require(reached === dataBytes, DECODE, source, last, phrase(`${dataBytes} bytes of data`, dataBytes));
  const tensors = placed.map(({ name, dtype, shape, begin, end }) => {
    return [name, { dtype, shape, begin: dataStart + begin, end: dataStart + end }] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/**
 * The tensor that bytes of a file hold, copied into memory of their own.
 *
 * @throws CheckpointError when they are not as many as its dtype and shape take, or hold a boolean other than 0 and 1.
 * @example
 * const { data } = safetensorOf('w', { dtype: 'I16', shape: [1] }, Uint8Array.of(1, 1)); // Int16Array [ 257 ]
 */
export function safetensorOf(
  name: string,
  { dtype, shape }: { readonly dtype: SafeDtype; readonly shape: readonly number[] },
  bytes: Uint8Array,
  source = 'the data',
): SafeTensor {
  const [where, argument] = [`${DECODE}: ${source}`, `tensor '${shorten(name)}'`];
  requireBytes(where, argument, dtype, shape, bytes.length);
  const tensor = tensorOf(dtype, shape, bytes);
  require(isWhole(tensor), where, argument, 'hold booleans of 0 or 1', phrase('others'));
  return tensor;
}

function requireBytes(where: string, tensor: string, dtype: SafeDtype, shape: readonly number[], found: number): void {
  const expected = count(shape) * bytesPerValue(dtype);
  require(found === expected, where, tensor, `take ${expected} bytes (${dtype} ${show(shape)})`, found);
}

function parseHeader(source: string, bytes: Uint8Array): Record<string, unknown> {
  const header = parseJson(bytes, (rule, found) => {
    return new CheckpointError(DECODE, source, `have a header of ${rule}`, phrase(found), FIX);
  });
  const begins = new TextDecoder().decode(bytes.subarray(0, 8));
  require(bytes[0] === 0x7b, DECODE, source, "have a header that starts with '{'", begins);
  return header as Record<string, unknown>;
}

interface Placed {
  readonly name: string;
  readonly dtype: SafeDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readInfo(where: string, name: string, info: unknown): Placed {
  const tensor = `tensor '${shorten(name)}'`;
  const { dtype, shape, data_offsets: offsets } = (info ?? {}) as Record<string, unknown>;
  require(isDtype(dtype), where, tensor, `have a dtype of ${DTYPES.join(', ')}`, dtype);
  require(isCounts(shape), where, tensor, 'have a shape of integers >= 0', shape);
  const arePlaced = isCounts(offsets) && offsets.length === 2 && Number(offsets[0]) <= Number(offsets[1]);
  require(arePlaced, where, tensor, 'have data_offsets [begin, end] with begin <= end', offsets);
  const [begin = 0, end = 0] = offsets;
  requireBytes(where, tensor, dtype, shape, end - begin);
  return { name, dtype, shape, begin, end };
}

function checkTensor(where: string, given: string, tensor: SafeTensor): void {
  const { dtype, shape, data } = tensor;
  const name = shorten(given);
  const isFree = given !== METADATA;
  const kept = `not be '${METADATA}', which the format keeps`;
  require(isFree, where, "a tensor's name", kept, given, 'Pass metadata as the second argument.');
  const tensorName = `tensor '${name}'`;
  require(isDtype(dtype), where, tensorName, `have a dtype of ${DTYPES.join(', ')}`, dtype, "Pass for example 'F32'.");
  const values = `data of ${tensorName}`;
  const ofType = `be a ${arrayName(dtype)} (${dtype})`;
  require(holds(dtype, data), where, values, ofType, phrase(typeName(data), data), 'Convert it.');
  const axes = `shape of ${tensorName}`;
  require(isCounts(shape), where, axes, 'be integers >= 0', shape, 'Pass for example [2, 3].');
  const size = count(shape);
  const asMany = `have ${size} values (shape ${show(shape)})`;
  require(data.length === size, where, values, asMany, data.length, 'Pass data and shape that agree.');
  require(isWhole(tensor), where, values, 'be booleans of 0 or 1', phrase('others'), 'Use U8 for numbers.');
}

function requireMetadata(where: string, metadata: unknown): asserts metadata is Record<string, string> {
  const holds = isObject(metadata) && Object.values(metadata).every((value) => typeof value === 'string');
  require(holds, where, 'metadata', 'be an object of strings', metadata, 'Use JSON.stringify on values.');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeName(value: unknown): string {
  return isObject(value) ? value.constructor.name : show(value);
}

function require(
  holds: boolean,
  where: string,
  argument: string,
  rule: string,
  value: unknown,
  fix: string = FIX,
): asserts holds {
  if (!holds) throw new CheckpointError(where, argument, rule, value, fix);
}
