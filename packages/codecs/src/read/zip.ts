import { CheckpointError } from '@vqkit/checkpoint';
import { phrase, shorten, show } from '@vqkit/core-tensor/errors';
import type { Source } from './source.ts';

/** A member of an archive, as its directory describes it. */
interface ZipEntry {
  readonly method: number;
  readonly flags: number;
  /** Its bytes in the file, and after inflating. */
  readonly packed: number;
  readonly size: number;
  /** Where its local header starts. */
  readonly offset: number;
}

/** An archive whose members are read by ranges. */
export interface Zip {
  /** What to call it in errors. */
  readonly name: string;
  /** Bytes of the archive. */
  readonly size: number;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Bytes `begin` to before `end` of a member. */
  read(entry: string, begin: number, end: number): Promise<Uint8Array>;
}

const FIX = 'The file is damaged or cut short; write or download it again.';
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const MAX_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
/** The most that a compressed member may grow; weights hardly shrink. Small ones of zeros may do so more. */
const MAX_GROWTH = 16;
const ALWAYS_ALLOWED = 2 ** 20;

/**
 * Opens a zip archive (PKWARE's APPNOTE 6.3.10, with the 64-bit records): its directory is read and checked, no member is.
 *
 * @throws CheckpointError when it is damaged, or two members have one name or share bytes.
 * @example
 * const { entries } = await openZip(sourceOf(bytes, 'model.pt'));
 */
export async function openZip(source: Source): Promise<Zip> {
  const { name, size } = source;
  const { offset, length, count } = await findDirectory(source);
  must(
    offset + length <= size,
    name,
    `have a directory within its ${size} bytes`,
    `bytes ${offset} to ${offset + length}`,
  );
  const entries = parseDirectory(name, await source.read(offset, offset + length), count);
  let reached = 0;
  for (const [entry, { offset: begin, packed }] of [...entries].sort(([, a], [, b]) => a.offset - b.offset)) {
    const what = `hold '${shorten(entry)}' apart from other members and from the directory`;
    must(begin >= reached && begin + LOCAL_BYTES + packed <= offset, name, what, `bytes from ${begin}`);
    reached = begin + LOCAL_BYTES + packed;
  }
  return { name, size, entries, read: (entry, begin, end) => readMember(source, offset, entries, entry, begin, end) };
}

interface Directory {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

async function findDirectory(source: Source): Promise<Directory> {
  const { name, size } = source;
  const tailStart = Math.max(0, size - END_BYTES - MAX_COMMENT);
  const tail = viewOf(await source.read(tailStart, size));
  let at = tail.byteLength - END_BYTES;
  while (
    at >= 0 &&
    (tail.getUint32(at, true) !== 0x06054b50 || at + END_BYTES + tail.getUint16(at + 20, true) !== tail.byteLength)
  )
    at--;
  must(at >= 0, name, 'end with the directory of a zip archive', 'other bytes');
  const small = {
    count: tail.getUint16(at + 10, true),
    length: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
  const locator = at - LOCATOR_BYTES;
  if (locator < 0 || tail.getUint32(locator, true) !== 0x07064b50) return small;
  const place = number64(name, tail, locator + 8);
  must(place + 56 <= size, name, `have its 64-bit directory within its ${size} bytes`, `byte ${place}`);
  const large = viewOf(await source.read(place, place + 56));
  must(large.getUint32(0, true) === 0x06064b50, name, 'have a 64-bit directory where it says', 'other bytes');
  return { count: number64(name, large, 32), length: number64(name, large, 40), offset: number64(name, large, 48) };
}

function parseDirectory(name: string, bytes: Uint8Array, count: number): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    const isEntry = at + CENTRAL_BYTES <= bytes.length && view.getUint32(at, true) === 0x02014b50;
    must(isEntry, name, 'have a directory of members', `other bytes at ${at} of it`);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const nameStart = at + CENTRAL_BYTES;
    const end = nameStart + nameBytes + extraBytes + commentBytes;
    must(end <= bytes.length, name, 'have a whole directory', `${bytes.length} bytes of it`);
    const entry = new TextDecoder().decode(bytes.subarray(nameStart, nameStart + nameBytes));
    must(!entries.has(entry), name, 'hold every member once', `'${shorten(entry)}' twice`);
    const extra = bytes.subarray(nameStart + nameBytes, nameStart + nameBytes + extraBytes);
    const [size, packed, offset] = sizesOf(
      name,
      [24, 20, 42].map((field) => view.getUint32(at + field, true)),
      viewOf(extra),
    ) as [number, number, number];
    entries.set(entry, {
      method: view.getUint16(at + 10, true),
      flags: view.getUint16(at + 8, true),
      packed,
      size,
      offset,
    });
    at = end;
  }
  must(entries.size === count, name, `hold ${count} members`, `${entries.size}`);
  return entries;
}

/** Where a number does not fit 32 bits, it stands in the extra field 1, in order. */
function sizesOf(name: string, numbers: number[], extra: DataView): number[] {
  if (numbers.every((value) => value < 0xffffffff)) return numbers;
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === 1) {
      let next = at + 4;
      return numbers.map((value) => {
        if (value < 0xffffffff) return value;
        must(next + 8 <= Math.min(end, extra.byteLength), name, 'have whole 64-bit sizes', 'fewer bytes');
        next += 8;
        return number64(name, extra, next - 8);
      });
    }
    at = end;
  }
  return numbers;
}

async function readMember(
  source: Source,
  dataEnd: number,
  entries: ReadonlyMap<string, ZipEntry>,
  entry: string,
  begin: number,
  end: number,
): Promise<Uint8Array> {
  const { name } = source;
  const found = entries.get(entry);
  must(found !== undefined, name, `hold '${shorten(entry)}'`, 'no such member');
  const { offset, packed, size, method, flags } = found;
  const what = `'${shorten(entry)}'`;
  must((flags & 1) === 0, name, `hold ${what} without encryption`, 'an encrypted member');
  must(begin <= end && end <= size, name, `hold ${end} bytes in ${what}`, `${size}`);
  const local = viewOf(await source.read(offset, offset + LOCAL_BYTES));
  must(local.getUint32(0, true) === 0x04034b50, name, `hold ${what} where its directory says`, 'other bytes');
  const start = offset + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
  must(start + packed <= dataEnd, name, `hold ${what} before its directory`, `bytes from ${start}`);
  if (method === STORED) {
    must(packed === size, name, `hold ${size} bytes in ${what}, which is stored`, `${packed}`);
    return source.read(start + begin, start + end);
  }
  must(method === DEFLATED, name, `hold ${what} stored or deflated`, `method ${method}`);
  const most = Math.max(ALWAYS_ALLOWED, MAX_GROWTH * packed);
  must(
    end <= most,
    name,
    `hold at most ${most} bytes in ${what}, ${MAX_GROWTH} times what it takes in the file`,
    `${size}`,
  );
  return (await inflate(name, what, source, start, packed, end)).subarray(begin);
}

/** The first `length` bytes of deflated ones; no more than these are ever held. */
async function inflate(
  name: string,
  what: string,
  source: Source,
  start: number,
  packed: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const packedBytes = new Uint8Array(await source.read(start, start + packed));
  const stream = new Blob([packedBytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const reader = stream.getReader();
  let filled = 0;
  try {
    while (filled < length) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
    }
  } catch (error) {
    must(false, name, `hold deflated bytes in ${what}`, show((error as Error).message));
  }
  // What is left has no reader any more; that it may be damaged is nobody's concern.
  reader.cancel().catch(() => undefined);
  must(filled === length, name, `hold ${length} bytes in ${what}`, `${filled}`);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function number64(name: string, view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  must(Number.isSafeInteger(value), name, 'have sizes below 2^53', `${value}`);
  return value;
}

function must(holds: boolean, name: string, rule: string, found: string): asserts holds {
  if (!holds) throw new CheckpointError('openWeights', name, rule, phrase(found), FIX);
}
