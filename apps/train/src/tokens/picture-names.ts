import { isAbsolute, posix, sep, win32 } from 'node:path';
import { DataError } from '@vqkit/core-tensor';
import type { TokenNotes, Tokens } from '@vqkit/tokens';

/** Bytes that a name may have on the usual file systems. */
const LONGEST = 255;

/**
 * The file of each picture, by its position: the name of the image that was encoded, where the tokens have it, as a PNG, else `000000.png` and so
 * on. `cat.png` stays, `cat.jpg` becomes `cat.jpg.png`, and no two are the same, upper and lower case or not: where another picture or a folder
 * has the name, `cat.jpg~2.png`.
 *
 * @param windows whether names go by the rules of Windows.
 * @param ending of the files.
 * @throws DataError for a name that leads out of the folder, which is not believed.
 */
export function pictureNames(
  {
    notes,
    shape,
    first = 0,
  }: Pick<Tokens, 'shape' | 'first'> & { readonly notes?: Pick<TokenNotes, 'images'> | undefined },
  windows: boolean = sep === '\\',
  ending: '.png' | '.wav' = '.png',
): (i: number) => string {
  const images = notes?.images;
  if (images === undefined) {
    const digits = Math.max(6, String(first + (shape[0] ?? 0)).length);
    return (i) => `${String(first + i).padStart(digits, '0')}${ending}`;
  }
  const wanted = images.map((name, i) => checkedName(name, i, windows));
  const taken = new Set(wanted.flatMap(foldersOf));
  const names: string[] = [];
  const take = (i: number, name: string): boolean => {
    if (taken.has(key(name))) return false;
    taken.add(key(name));
    names[i] = name;
    return true;
  };
  const others = [...wanted.entries()].filter(
    ([i, name]) => !(name.toLowerCase().endsWith(ending) && fits(name) && take(i, name)),
  );
  const tries = new Map<string, number>();
  for (const [i, name] of others) {
    for (;;) {
      const attempt = (tries.get(key(name)) ?? 0) + 1;
      tries.set(key(name), attempt);
      if (take(i, withEnding(name, attempt === 1 ? ending : `~${attempt}${ending}`))) break;
    }
  }
  return (i) => names[i] as string;
}

function checkedName(name: string, i: number, windows: boolean): string {
  // Windows takes both slashes; what has a colon names a disk there, or a stream beside the file.
  const path = windows ? win32.normalize(name).replaceAll('\\', '/') : posix.normalize(name);
  const elsewhere = windows && (win32.isAbsolute(name) || name.includes(':'));
  const leadsOut = elsewhere || isAbsolute(name) || path.startsWith('../') || ['.', '..'].includes(path);
  if (!leadsOut && !path.endsWith('/') && !path.includes('\0')) return path;
  throw new DataError('decodeTokens', `image ${i}`, 'have a name below its folder', name, 'Encode again.');
}

/** Names that some file system takes for one. */
function key(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function foldersOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, i) => key(parts.slice(0, i + 1).join('/')));
}

function fits(name: string): boolean {
  return Buffer.byteLength(posix.basename(name)) <= LONGEST;
}

/** The name with an ending, cut before it where it would be too long. */
function withEnding(name: string, ending: string): string {
  if (fits(name + ending)) return name + ending;
  const start = name.length - posix.basename(name).length;
  let letters = [...name.slice(start)];
  const room = LONGEST - Buffer.byteLength(ending);
  while (Buffer.byteLength(letters.join('')) > room) letters = letters.slice(0, -1);
  return name.slice(0, start) + letters.join('') + ending;
}
