import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { withFileErrors } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { counted } from '@vqkit/schema';
import type { SkippedImage } from './decode-pictures.ts';

/** Names of pictures. */
export const PICTURE: RegExp = /\.(png|jpe?g)$/i;
export const TAR: RegExp = /\.tar$/i;
const either = (a: RegExp, b: RegExp): RegExp => new RegExp(`${a.source}|${b.source}`, 'i');
/** Names of pictures, and of tars of them. */
export const PICTURE_OR_TAR: RegExp = either(PICTURE, TAR);
/** Formats of pictures that are not read. */
const OTHER = /\.(webp|avif|heic|heif|gif|tiff?|bmp|svg|jxl|jp2|j2k|ico|psd|dng|cr2|nef|arw|exr|hdr|pgm|ppm)$/i;

/** Which files of a folder are read. */
interface FileKind {
  readonly wanted: RegExp;
  /** Of the same kind, but not read. */
  readonly other: RegExp;
  readonly noun: string;
  /** What the wanted ones are. */
  readonly formats: string;
}

const PICTURES: FileKind = { wanted: PICTURE, other: OTHER, noun: 'picture', formats: 'neither PNG nor JPEG' };
/** Tars that would have to be unpacked first. */
const COMPRESSED_TAR = /\.(tgz|tar\.(gz|bz2|xz|zst))$/i;
/** The same, and tars of them. */
export const PICTURES_AND_TARS: FileKind = {
  ...PICTURES,
  wanted: PICTURE_OR_TAR,
  other: either(OTHER, COMPRESSED_TAR),
  formats: 'neither PNG nor JPEG nor a plain tar',
};
export const SOUNDS: FileKind = {
  wanted: /\.(wav|wave|flac|ogg|oga|opus|mp3)$/i,
  other: /\.(m4a|aac|mp4|wma|aiff?|caf|amr|ac3|webm|mka|g722|gsm|ulaw|alaw|au|snd)$/i,
  noun: 'sound',
  formats: 'no WAV, FLAC, Ogg or MP3',
};

/** The same, and tars of them. */
export const SOUNDS_AND_TARS: FileKind = {
  ...SOUNDS,
  wanted: either(SOUNDS.wanted, TAR),
  other: either(SOUNDS.other, COMPRESSED_TAR),
  formats: 'no WAV, FLAC, Ogg, MP3 or plain tar',
};

/** The pictures below a folder. */
export interface PictureList {
  /** Those that are read, such as PNG and JPEG, by their names, in the order of their paths. */
  readonly files: readonly string[];
  /** Those of other formats, counted. */
  readonly others: readonly SkippedImage[];
}

/** Whether the path is a folder, or a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** Whether the path is a file, or a link to one. */
export async function isRegularFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/**
 * Lists the pictures below a folder. Links to files and folders count, but a folder only once however many ways lead to it; a link that is named as a
 * picture counts as one, wherever it leads. Hidden files and folders (`.name`) do not count.
 */
export function listPictures(where: string, folder: string): Promise<PictureList> {
  return listFiles(where, folder, PICTURES);
}

/** {@link listPictures} of any kind of files. */
export async function listFiles(where: string, folder: string, kind: FileKind): Promise<PictureList> {
  const files: string[] = [];
  const others = new Map<string, number>();
  for await (const found of walkPictures(where, folder, others, kind)) for (const file of found) files.push(file);
  return { files, others: otherFormats(folder, others, kind) };
}

/**
 * The same as it is found, some files at a time, in the order of their paths: of a tree of any size the names of one folder and of those that it is in are
 * held.
 *
 * @param others counts pictures of other formats by their endings.
 */
export async function* walkPictures(
  where: string,
  folder: string,
  others: Map<string, number> = new Map(),
  { wanted, other, noun }: FileKind = PICTURES,
): AsyncGenerator<readonly string[]> {
  if (!(await isFolder(folder))) {
    const fix = `Check dataPath, or create it and put ${noun === 'picture' ? 'image' : noun}s in.`;
    throw new OptionError(where, folder, 'be a folder', phrase('none there'), fix);
  }
  const seen = new Set<string>();
  const walk = async function* (path: string): AsyncGenerator<readonly string[]> {
    const real = await withFileErrors(where, path, 'be a folder', realpath(path));
    if (seen.has(real)) return;
    seen.add(real);
    const entries = await withFileErrors(
      where,
      path,
      'be a folder that can be read',
      readdir(path, { withFileTypes: true }),
    );
    // A folder as its paths go on, so that all paths come in their order.
    const names: string[] = [];
    // A look at each of a million links to pictures takes a minute.
    const mayBeFolder = entries.filter(
      (entry) => entry.isSymbolicLink() && !wanted.test(entry.name) && !other.test(entry.name),
    );
    const links = await foldersAmong(mayBeFolder.map(({ name }) => join(path, name)));
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory() || links.has(join(path, entry.name))) names.push(`${entry.name}/`);
      else if (wanted.test(entry.name)) names.push(entry.name);
      else if (other.test(entry.name)) {
        const format = extname(entry.name).toLowerCase();
        others.set(format, (others.get(format) ?? 0) + 1);
      }
    }
    let files: string[] = [];
    for (const name of names.sort()) {
      if (!name.endsWith('/')) {
        files.push(join(path, name));
        continue;
      }
      if (files.length > 0) yield files;
      files = [];
      yield* walk(join(path, name.slice(0, -1)));
    }
    if (files.length > 0) yield files;
  };
  yield* walk(folder);
}

/** Links are looked at some at a time: one after the other, a million take minutes. */
const LINKS_AT_A_TIME = 256;

async function foldersAmong(links: readonly string[]): Promise<ReadonlySet<string>> {
  const folders = new Set<string>();
  for (let from = 0; from < links.length; from += LINKS_AT_A_TIME) {
    const some = links.slice(from, from + LINKS_AT_A_TIME);
    const found = await Promise.all(some.map(isFolder));
    for (const [i, link] of some.entries()) if (found[i] === true) folders.add(link);
  }
  return folders;
}

export function otherFormats(folder: string, others: ReadonlyMap<string, number>, kind: FileKind): SkippedImage[] {
  const count = [...others.values()].reduce((total, of) => total + of, 0);
  if (count === 0) return [];
  const formats = [...others].sort(([a], [b]) => (a < b ? -1 : 1)).map(([format, of]) => `${of} ${format}`);
  const reason = `${counted(count, kind.noun)} ${count === 1 ? 'is' : 'are'} ${kind.formats} (${formats.join(', ')}); convert ${count === 1 ? 'it to have it' : 'them to have them'} read`;
  return [{ file: folder, reason, count }];
}
