import { join, posix } from 'node:path';
import { DataError, obstacleOf, phrase, QuantizerError, shorten, show } from '@vqkit/core-tensor';
import { outerCause, type SkippedImage } from '../decode-pictures.ts';
import { baseOf, nameIn } from '../image-source.ts';
import { isRegularFile, otherFormats, SOUNDS, SOUNDS_AND_TARS, TAR, walkPictures } from '../list-pictures.ts';
import { readListed, tarMembers } from '../tar-pictures.ts';
import { decodeSound } from './decode-sound.ts';
import { MOST_BYTES, readSound } from './read-sounds.ts';
import { type SoundOptions, soundForModel } from './sound-for-model.ts';

/** Where a recording lies below the common folder: a path, or a tar, its member's name, and the byte where that begins and its length. */
export type SoundName = string | readonly [tar: string, name: string, offset: number, length: number];

/** Letters of a name, of a path and a member together. */
const LONGEST_NAME = 4096;

/**
 * The recordings of a command line, files, folders and tars, in the order of their paths, some at a time, however many they are.
 *
 * @param onOthers told of recordings of other formats in a folder, which are left out.
 * @throws OptionError for a path that is not there; DataError for a tar that is none, or cut short.
 * @example
 * for await (const names of nameSounds('encode', ['.'])) console.log(names.length);
 */
export async function* nameSounds(
  where: string,
  paths: readonly string[],
  onOthers: (others: SkippedImage) => void = () => undefined,
): AsyncGenerator<SoundName[]> {
  const base = await baseOf(paths);
  for (const path of paths) {
    if (await isRegularFile(path)) yield* namesIn(where, base, [path]);
    else {
      const others = new Map<string, number>();
      for await (const files of walkPictures(where, path, others, SOUNDS_AND_TARS)) yield* namesIn(where, base, files);
      for (const each of otherFormats(path, others, SOUNDS_AND_TARS)) onOthers(each);
    }
  }
}

/** Names of a tar that are held. */
const TOGETHER = 4096;

async function* namesIn(where: string, base: string, files: readonly string[]): AsyncGenerator<SoundName[]> {
  let names: SoundName[] = [];
  for (const file of files) {
    const own = nameIn(base, file);
    if (!TAR.test(file)) names.push(checked(where, own));
    else {
      for await (const { name, offset, length } of tarMembers(file, SOUNDS.wanted)) {
        names.push(checked(where, [own, name, offset, length]));
        if (names.length < TOGETHER) continue;
        yield names;
        names = [];
      }
    }
  }
  if (names.length > 0) yield names;
}

function checked(where: string, name: SoundName): SoundName {
  const key = keyOfSound(name);
  if (key.length <= LONGEST_NAME && !key.includes('\0')) return name;
  const rule = `have a name of at most ${LONGEST_NAME} letters, without a zero`;
  throw new DataError(where, 'a recording', rule, phrase(show(shorten(key)), key), 'Rename it.');
}

/** What a recording is called: its path, or that of its tar and its name there, which leads nowhere else. */
export function keyOfSound(name: SoundName): string {
  if (typeof name === 'string') return name;
  const [tar, member] = name;
  return `${tar}${posix.normalize(`/${member}`)}`;
}

/** What reading a recording gives: its samples, or why there are none. */
export type SoundRead = { readonly samples: Float32Array } | { readonly reason: string; readonly code?: string };

/** Recordings that are read one at a time. */
export interface SoundSource {
  /** [samples, channels] at the rate and with the channels of the model. */
  read(name: SoundName): Promise<SoundRead>;
}

/**
 * Opens recordings by their names, without a look into the folders.
 *
 * @param paths as {@link nameSounds} was given them, or where the data lie on this machine.
 * @example
 * const source = await openSounds(['.'], { sampleRate: 16000, channels: 1 });
 * const read = await source.read('a.wav'); // { reason: …, code: 'ENOENT' }, or samples
 */
export async function openSounds(paths: readonly string[], options: SoundOptions): Promise<SoundSource> {
  const base = await baseOf(paths);
  return {
    async read(name) {
      const file = join(base, typeof name === 'string' ? name : name[0]);
      try {
        return {
          samples: typeof name === 'string' ? await readSound(file, options) : await readIn(file, name, options),
        };
      } catch (error) {
        // Of a tar that is another by now: that is no fault of a recording.
        if (error instanceof QuantizerError) throw error;
        return { reason: obstacleOf(error).reason, ...(await outerCause(file, error)) };
      }
    },
  };
}

async function readIn(
  tar: string,
  [, name, offset, length]: Exclude<SoundName, string>,
  options: SoundOptions,
): Promise<Float32Array> {
  if (length > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES} bytes; cut it up`);
  return soundForModel(await decodeSound(await readListed({ tar, name, offset, length })), options);
}
