import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { DataError, OptionError, obstacleOf, phrase } from '@vqkit/core-tensor';
import { countSkipped, type SkippedImage } from '../decode-pictures.ts';
import { letSignalsIn } from '../let-signals-in.ts';
import { isRegularFile, listFiles, SOUNDS } from '../list-pictures.ts';
import { decodeSound } from './decode-sound.ts';
import { type SoundOptions, soundForModel } from './sound-for-model.ts';

/** A recording as a model takes it. */
export interface Clip {
  /** Its path below the folder. */
  readonly name: string;
  /** [samples, channels], one sample of each channel after the other. */
  readonly samples: Float32Array;
}

export interface Clips {
  readonly clips: readonly Clip[];
  readonly skipped: readonly SkippedImage[];
  /** Recordings that reach full scale for three samples or more, as clipped ones do. */
  readonly clipped: readonly string[];
  /** Recordings without a sample other than 0. */
  readonly silent: readonly string[];
}

export const MOST_BYTES: number = 2 ** 29;

/**
 * Reads a recording at the rate and with the channels of a model: resampled behind a low-pass, its loudness kept.
 *
 * @throws Error whose message is a reason.
 */
export async function readSound(path: string, options: SoundOptions): Promise<Float32Array> {
  // A FIFO would wait for its other end.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const entry = await handle.stat();
    if (!entry.isFile()) throw new Error('no regular file');
    if (entry.size > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES} bytes; cut it up`);
    return soundForModel(await decodeSound(await handle.readFile()), options);
  } finally {
    await handle.close();
  }
}

/**
 * Reads every WAV, FLAC, Ogg and MP3 below a folder, in the order of their paths, or one file. What cannot be read is left out and named.
 *
 * @throws OptionError when there is no such folder; DataError when no sound in it can be read; Interrupted when the signal is aborted.
 */
export async function readSounds(path: string, options: SoundOptions, signal?: AbortSignal): Promise<Clips> {
  const where = 'readSounds';
  if (path === '') throw new OptionError(where, 'dataPath', 'be a folder of sounds', path, 'Pass one.');
  const single = await isRegularFile(path);
  const { files, others } = single ? { files: [path], others: [] } : await listFiles(where, path, SOUNDS);
  const clips: Clip[] = [];
  const skipped: SkippedImage[] = [];
  for (const file of files) {
    await letSignalsIn(signal);
    try {
      const name = single ? file : relative(path, file).split(sep).join('/');
      clips.push({ name, samples: await readSound(file, options) });
    } catch (error) {
      skipped.push({ file, reason: obstacleOf(error).reason });
    }
  }
  skipped.push(...others);
  if (clips.length === 0) {
    const [first] = skipped;
    const seen =
      first === undefined ? 'none' : `${countSkipped(skipped)} unreadable, the first ${first.file}: ${first.reason}`;
    throw new DataError(
      where,
      path,
      'hold at least one readable WAV, FLAC, Ogg or MP3',
      phrase(seen),
      'Point dataPath at a folder of sounds.',
    );
  }
  const named = (is: (samples: Float32Array) => boolean): string[] =>
    clips.filter(({ samples }) => is(samples)).map(({ name }) => name);
  return { clips, skipped, clipped: named(isClipped), silent: named((samples) => samples.every((x) => x === 0)) };
}

function isClipped(samples: Float32Array): boolean {
  let run = 0;
  for (const sample of samples) {
    run = Math.abs(sample) >= 1 ? run + 1 : 0;
    if (run === 3) return true;
  }
  return false;
}
