import { resample } from '@vqkit/audio';
import type { Sound } from './sound.ts';

export interface SoundOptions {
  /** Samples per second that all are brought to. */
  readonly sampleRate: number;
  /** 1: channels are averaged; 2: mono stands on both. */
  readonly channels: number;
}

/**
 * Sound at the rate and with the channels of a model, [samples, channels]: resampled behind a low-pass, its loudness kept.
 *
 * @example
 * const own = { sampleRate: 44100, channels: [new Float32Array(44100)] };
 * soundForModel(own, { sampleRate: 16000, channels: 1 }).length; // 16000
 */
export function soundForModel(
  { sampleRate: from, channels: given }: Sound,
  { sampleRate: to, channels: count }: SoundOptions,
): Float32Array {
  const [first] = given as [Float32Array];
  const mixed =
    given.length === count
      ? given
      : count === 1
        ? [mean(given)]
        : Array.from({ length: count }, (_, i) => given[i] ?? first);
  const channels = from === to ? mixed : mixed.map((channel) => resample(channel, { from, to }));
  const [{ length }] = channels as [Float32Array];
  if (count === 1) return channels[0] as Float32Array;
  const samples = new Float32Array(length * count);
  channels.forEach((channel, c) => {
    for (let i = 0; i < length; i++) samples[i * count + c] = channel[i] as number;
  });
  return samples;
}

function mean(channels: readonly Float32Array[]): Float32Array {
  return (channels[0] as Float32Array).map(
    (_, i) => channels.reduce((sum, channel) => sum + (channel[i] as number), 0) / channels.length,
  );
}
