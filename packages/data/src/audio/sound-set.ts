import { createRng } from '@vqkit/core-tensor';
import type { Digest } from '../images.ts';

/** Segments of recordings as examples to train on. */
export interface SoundSet {
  readonly count: number;
  /** [samples, channels] of a segment. */
  readonly shape: readonly number[];
  /**
   * The segments at these positions, one after the other, [positions.length, samples, channels].
   * @param draw number of the batch in a training: each segment then begins anywhere, by the seed and that number alone.
   */
  batch(positions: ArrayLike<number>, draw?: number): Float32Array;
  /** Adds all samples to a digest. */
  digest(hash: Digest): void;
}

/**
 * Recordings end to end, cut into segments, so that none is padded and none too short to be used; what is left at the end is not drawn without `draw`.
 *
 * @param options.samples of a segment.
 * @example
 * const set = createSoundSet([Float32Array.of(1, 2, 3), Float32Array.of(4, 5)], { samples: 2, channels: 1, seed: 0 });
 * set.batch([1]); // [3, 4]
 */
export function createSoundSet(
  clips: readonly Float32Array[],
  { samples, channels, seed }: { readonly samples: number; readonly channels: number; readonly seed: number },
): SoundSet {
  const all = new Float32Array(clips.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const clip of clips) {
    all.set(clip, end);
    end += clip.length;
  }
  const length = samples * channels;
  const frames = all.length / channels;
  return {
    count: Math.floor(frames / samples),
    shape: [samples, channels],
    batch(positions, draw) {
      const rng = draw === undefined ? undefined : createRng(seed).fork(`segments of batch ${draw}`);
      const values = new Float32Array(positions.length * length);
      for (let i = 0; i < positions.length; i++) {
        const own = (positions[i] as number) * samples;
        // Around its place, so that an epoch still has all of them.
        const from =
          rng === undefined
            ? own
            : Math.max(0, Math.min(frames - samples, own + rng.integer(samples) - (samples >> 1)));
        values.set(all.subarray(from * channels, from * channels + length), i * length);
      }
      return values;
    },
    digest(hash) {
      hash.update(new Uint8Array(all.buffer));
    },
  };
}
