import { createHash } from 'node:crypto';
import { createRng, OptionError, phrase } from '@vqkit/core-tensor';
import { createSoundSet, type SoundSet } from '@vqkit/data';
import { type Clip, readSounds } from '@vqkit/data/node';
import { type AudioModality, createAudioModality, LEAST_SAMPLES } from '@vqkit/training';
import type { ExampleSets, ReadHooks } from '../../modality.ts';
import type { AudioConfig } from '../../train-options.ts';

/** Recordings of the validation where nothing is said, at most: more only take time. */
const MOST_HELD_OUT = 100;

/** Segments of recordings; no recording is in two of the sets. */
export interface AudioSets extends ExampleSets {
  readonly train: SoundSet;
  readonly validation: SoundSet;
  readonly test: SoundSet;
  /** The recordings of the test. */
  readonly clips: readonly Clip[];
  readonly scoring: AudioModality;
}

/** Samples of a token. */
export function hopOf(strides: readonly number[]): number {
  return strides.reduce((product, stride) => product * stride, 1);
}

/**
 * Reads all recordings below a folder and holds some out, whole: a function of the seed.
 *
 * @throws OptionError or DataError naming the option or the file, and the fix.
 */
export async function readAudio(config: AudioConfig, { onWarning, signal }: ReadHooks): Promise<AudioSets> {
  const { dataPath = '', sampleRate, stereo, seconds, strides, validationSize, seed } = config;
  const channels = stereo ? 2 : 1;
  const { clips, skipped, clipped, silent } = await readSounds(dataPath, { sampleRate, channels }, signal);
  const several = (names: readonly string[]): string =>
    `${names.length} of ${clips.length} recordings, the first ${names[0]},`;
  if (clipped.length > 0) onWarning?.(`${several(clipped)} reach full scale as clipped ones do`);
  if (silent.length > 0) onWarning?.(`${several(silent)} are silent`);
  const tenth = Math.min(MOST_HELD_OUT, Math.max(1, Math.round(clips.length / 10)));
  const heldOut = validationSize ?? tenth;
  if (tenth + heldOut >= clips.length) {
    const found = phrase(`${heldOut} and ${tenth} for the test, of ${clips.length}`, heldOut);
    throw new OptionError(
      'train',
      'validationSize',
      'leave recordings to train on',
      found,
      'Use a smaller one, or more recordings.',
    );
  }
  const hop = hopOf(strides);
  const samples = hop * Math.max(1, Math.round((seconds * sampleRate) / hop));
  if (samples < LEAST_SAMPLES) {
    const fix = `Use ${LEAST_SAMPLES / sampleRate} or more.`;
    const found = phrase(`${samples} samples by ${seconds}`, seconds);
    throw new OptionError('train', 'seconds', `give segments of ${LEAST_SAMPLES} samples or more`, found, fix);
  }
  const order = createRng(seed).fork('held-out recordings').permutation(clips.length);
  const part = (from: number, to: number): Clip[] => [...order.slice(from, to).sort()].map((i) => clips[i] as Clip);
  const setOf = (chosen: readonly Clip[]): SoundSet =>
    createSoundSet(
      chosen.map((clip) => clip.samples),
      { samples, channels, seed },
    );
  const tested = part(0, tenth);
  const [test, validation, train] = [
    setOf(tested),
    setOf(part(tenth, tenth + heldOut)),
    setOf(part(tenth + heldOut, clips.length)),
  ];
  for (const [name, { count }] of Object.entries({ train, test })) {
    if (count > 0) continue;
    const found = phrase(`less in the recordings for the ${name}`, name);
    throw new OptionError(
      'train',
      'seconds',
      `be such that there is a segment of ${samples} samples`,
      found,
      'Use shorter segments, or more recordings.',
    );
  }
  return {
    train,
    validation,
    test,
    clips: tested,
    skipped,
    options: { validationSize: heldOut },
    scoring: createAudioModality({ ...config, samples }),
    notes() {
      const hash = createHash('sha256');
      for (const set of [train, validation, test]) {
        hash.update(`${[set.count, ...set.shape]}\n`);
        set.digest(hash);
      }
      return { train: train.count, validation: validation.count, test: test.count, sha256: hash.digest('hex') };
    },
  };
}
