import { type Tensor3D, tensor, tidy } from '@tensorflow/tfjs-core';
import type { AudioTokenizer } from '@vqkit/tokenizer';

/** Of a recording that goes through the network at once, each channel: 4 minutes at 16 kHz. */
export const MOST_SAMPLES: number = 2 ** 22;

/** Why a recording at the tokenizer's rate cannot be encoded; undefined where it can. */
export function whyNot(samples: number, sampleRate: number): string | undefined {
  if (samples < 1) return `shorter than a sample at ${sampleRate} Hz`;
  return samples > MOST_SAMPLES ? `longer than ${MOST_SAMPLES} samples; cut it up` : undefined;
}

/**
 * The ids of a recording, [frames, numCodebooks], its last frame filled up with silence.
 * @param given [samples, channels].
 */
export async function encodeSound(
  { encode, hop, config }: Pick<AudioTokenizer, 'encode' | 'hop' | 'config'>,
  given: Float32Array,
): Promise<Int32Array> {
  const { channels } = config;
  const frames = Math.ceil(given.length / channels / hop);
  const padded = new Float32Array(frames * hop * channels);
  padded.set(given);
  const ids = tidy(() => encode(tensor(padded, [1, frames * hop, channels]) as Tensor3D));
  try {
    return (await ids.data()) as Int32Array;
  } finally {
    ids.dispose();
  }
}
