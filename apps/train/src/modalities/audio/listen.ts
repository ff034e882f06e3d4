import { tensor2d, tensor3d, tidy } from '@tensorflow/tfjs-core';
import { createStft, siSdr } from '@vqkit/audio';
import { letSignalsIn } from '@vqkit/data';
import { type Clip, encodeWav } from '@vqkit/data/node';
import type { AudioTokenizer, Tokenizer } from '@vqkit/tokenizer';
import sharp from 'sharp';
import type { HeardClip } from '../../report-data.ts';

/** Recordings that a report plays. */
const HEARD = 10;
/** Seconds of each, at most. */
const MOST_SECONDS = 4;
/** Decibels below the loudest that are drawn black. */
const RANGE_DB = 70;

interface ListenOptions {
  readonly sampleRate: number;
  readonly channels: number;
  readonly signal?: AbortSignal | undefined;
}

/** The first recordings of the test and what a tokenizer makes of them, as files of sound and as spectrograms. */
export async function listenTo(
  tokenizer: Tokenizer,
  clips: readonly Clip[],
  { sampleRate, channels, signal }: ListenOptions,
): Promise<HeardClip[]> {
  const heard: HeardClip[] = [];
  const stft = createStft({ fftSize: 2 ** Math.round(Math.log2(sampleRate / 32)) });
  try {
    for (const { name, samples } of clips.slice(0, HEARD)) {
      await letSignalsIn(signal);
      const original = samples.subarray(0, MOST_SECONDS * sampleRate * channels);
      if (original.length / channels <= stft.bins) continue;
      const reconstruction = await throughTokens(tokenizer as unknown as AudioTokenizer, original, channels);
      const draw = (values: Float32Array) => spectrogram(stft, firstChannel(values, channels));
      const ratio = siSdr(reconstruction, original);
      heard.push({
        name,
        siSdrDb: Number.isFinite(ratio) ? ratio : null,
        original: wav(original, { sampleRate, channels }),
        reconstruction: wav(reconstruction, { sampleRate, channels }),
        originalPicture: await draw(original),
        reconstructionPicture: await draw(reconstruction),
      });
    }
    return heard;
  } finally {
    stft.dispose();
  }
}

/** Sound through ids and back, at its own length: the last token is filled up with silence, which is cut off again. */
async function throughTokens(
  tokenizer: Pick<Tokenizer, 'encode' | 'decode' | 'describe'> & { readonly hop: number },
  samples: Float32Array,
  channels: number,
): Promise<Float32Array> {
  const frames = Math.ceil(samples.length / channels / tokenizer.hop);
  const padded = new Float32Array(frames * tokenizer.hop * channels);
  padded.set(samples);
  const output = tidy(() =>
    tokenizer.decode(tokenizer.encode(tensor3d(padded, [1, frames * tokenizer.hop, channels]))),
  );
  const values = (await output.data()) as Float32Array;
  output.dispose();
  return values.slice(0, samples.length);
}

/** The file of samples [samples, channels], one after the other. */
export function wavOf(
  values: Float32Array,
  { sampleRate, channels }: Pick<ListenOptions, 'sampleRate' | 'channels'>,
): Uint8Array {
  const split = Array.from({ length: channels }, (_, c) => values.filter((_, i) => i % channels === c));
  return encodeWav({ sampleRate, channels: split });
}

function wav(values: Float32Array, options: ListenOptions): string {
  return Buffer.from(wavOf(values, options)).toString('base64');
}

function firstChannel(values: Float32Array, channels: number): Float32Array {
  return channels === 1 ? values : values.filter((_, i) => i % channels === 0);
}

/** Logarithmic magnitudes as a grey PNG, low frequencies at the bottom, full scale white: pictures of original and reconstruction compare. */
async function spectrogram(stft: ReturnType<typeof createStft>, samples: Float32Array): Promise<string> {
  const magnitudes = tidy(() => stft.magnitude(tensor2d(samples, [1, samples.length])));
  const [, frames, bins] = magnitudes.shape;
  const values = await magnitudes.data();
  magnitudes.dispose();
  const grey = new Uint8Array(frames * bins);
  const full = (stft.bins - 1) / 2;
  for (let t = 0; t < frames; t++) {
    for (let k = 0; k < bins; k++) {
      const db = 20 * Math.log10(Math.max(1e-9, (values[t * bins + k] as number) / full));
      const level = Math.max(0, Math.min(1, 1 + db / RANGE_DB));
      grey[(bins - 1 - k) * frames + t] = Math.round(255 * (Number.isNaN(level) ? 0 : level));
    }
  }
  const png = await sharp(grey, { raw: { width: frames, height: bins, channels: 1 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return png.toString('base64');
}
