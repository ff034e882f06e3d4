import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { withFileErrors } from '@vqkit/checkpoint/node';
import { DataError, phrase, show } from '@vqkit/core-tensor';
import type { SkippedImage } from './decode-pictures.ts';
import { isRegularFile, listFiles, PICTURE, PICTURES_AND_TARS, TAR } from './list-pictures.ts';
import { type PictureFile, readAt, type TarMember } from './picture-file.ts';

/** The pictures below a folder and in the tars there, or those of one tar, in the order of their paths. */
export async function listPictureFiles(
  where: string,
  path: string,
): Promise<{ readonly files: readonly PictureFile[]; readonly others: readonly SkippedImage[] }> {
  const isTar = (file: string): boolean => TAR.test(file);
  const one = isTar(path) && (await isRegularFile(path));
  const { files: found, others } = one
    ? { files: [path], others: [] }
    : await listFiles(where, path, PICTURES_AND_TARS);
  if (!found.some(isTar)) return { files: found, others };
  const files: PictureFile[] = [];
  for (const file of found) {
    if (!isTar(file)) files.push(file);
    else for await (const member of tarMembers(file, PICTURE)) files.push(member);
  }
  return { files, others };
}

const BLOCK = 512;
/** Such as what macOS puts beside each file. */
const HIDDEN = /(^|\/)\.(?!\.?\/)[^/]+(\/|$)/;
/** A longer name is no name. */
const LONGEST_NAME = 2 ** 16;

/**
 * The files in a tar that have such names, in its order; only headers are read. Names of GNU and of POSIX (pax) may be of any length. Hidden files (`.name`) do not count.
 *
 * @throws DataError when it is no tar, or cut short.
 */
export async function* tarMembers(tar: string, wanted: RegExp): AsyncGenerator<TarMember> {
  const where = 'tarMembers';
  const broken = (rule: string, found: string): DataError =>
    new DataError(where, tar, rule, phrase(found), 'Use another copy, or leave it out.');
  const handle = await openTar(where, tar);
  try {
    const entry = await handle.stat();
    if (!entry.isFile()) throw broken('be a tar', 'no regular file');
    const { size } = entry;
    let longName: string | undefined;
    for (let at = 0; at + BLOCK <= size; ) {
      const header = await readAt(handle, at, BLOCK);
      if (header.every((byte) => byte === 0)) return;
      const length = lengthIn(header);
      if (length === undefined) throw broken('be a tar', `no header at byte ${at}`);
      const offset = at + BLOCK;
      if (!Number.isSafeInteger(length) || length < 0 || offset + length > size) {
        throw broken('hold whole files', `one of ${length} bytes at byte ${at} of ${size}`);
      }
      const type = String.fromCharCode(header[156] ?? 0);
      at = offset + Math.ceil(length / BLOCK) * BLOCK;
      if (type === 'L' || type === 'x') {
        if (length > LONGEST_NAME) throw broken('have names of at most 65,536 bytes', `${length} bytes`);
        const text = (await readAt(handle, offset, length)).toString('utf8');
        longName = type === 'L' ? text.replace(/\0.*$/s, '') : (/^\d+ path=(.*)$/m.exec(text)?.[1] ?? longName);
        continue;
      }
      const isFile = type === '0' || type === '\0';
      const name = longName ?? shortName(header);
      longName = undefined;
      if (isFile && wanted.test(name) && !HIDDEN.test(name)) yield { tar, name, offset, length };
    }
  } finally {
    await handle.close();
  }
}

function shortName(header: Buffer): string {
  const text = (from: number, to: number): string => header.toString('utf8', from, to).replace(/\0.*$/s, '');
  const prefix = text(257, 262) === 'ustar' ? text(345, 500) : '';
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
}

function openTar(where: string, tar: string): Promise<FileHandle> {
  // A FIFO would wait for its other end.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  return withFileErrors(where, tar, 'be a file that can be read', open(tar, flags));
}

/** The length of a file by its header, NaN where it says none; undefined where it is no header. */
function lengthIn(header: Buffer): number | undefined {
  return hasChecksum(header) ? numberOf(header.subarray(124, 136)) : undefined;
}

/**
 * The bytes of a file in a tar, if the tar is still what it was listed as.
 * @throws DataError when there is no file of that length.
 */
export async function readListed({ tar, name, offset, length }: TarMember): Promise<Buffer> {
  const handle = await openTar('readListed', tar);
  try {
    const { size } = await handle.stat();
    const isThere = offset >= BLOCK && offset + length <= size;
    if (isThere && lengthIn(await readAt(handle, offset - BLOCK, BLOCK)) === length) {
      return await readAt(handle, offset, length);
    }
    const rule = `hold ${show(name)}, ${length} bytes at byte ${offset}`;
    throw new DataError('readListed', tar, rule, phrase('another tar'), 'Pass the tars that were planned.');
  } finally {
    await handle.close();
  }
}

/** Octal digits, or, for the largest, GNU's base 256. */
function numberOf(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  const digits = field.toString('latin1').replace(/[\0 ]/g, '');
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** The sum of all bytes, those of the checksum itself as spaces. */
function hasChecksum(header: Buffer): boolean {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  return sum === numberOf(header.subarray(148, 156));
}
