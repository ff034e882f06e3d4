import type { SoundPlan } from './manifest.ts';

/** Frames of recordings, of which the last may be of fewer samples than the others. */
export function framesOf(samples: readonly number[], { hop }: Pick<SoundPlan, 'hop'>): number[] {
  return samples.map((count) => Math.ceil(count / hop));
}

/** Where each begins that lies behind the one before, and where the last ends. */
export function offsetsOf(lengths: readonly number[]): number[] {
  const offsets = [0];
  let end = 0;
  for (const length of lengths) {
    end += length;
    offsets.push(end);
  }
  return offsets;
}

/** What the ids of recordings go by, as their shard's record says. */
export interface SoundParts {
  /** Of each recording. */
  readonly frames: readonly number[];
  readonly samples: readonly number[];
}

/** Those of the recordings from `from` up to `to`. */
export function partOf({ frames, samples }: SoundParts, from: number, to: number): SoundParts {
  return { frames: frames.slice(from, to), samples: samples.slice(from, to) };
}
