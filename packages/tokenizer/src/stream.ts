import { type Tensor3D, tensor, tidy } from '@tensorflow/tfjs-core';
import { OptionError, requireOption } from '@vqkit/core-tensor';
import type { AudioTokenizer } from './audio-tokenizer.ts';

/** Sound that arrives in pieces → ids. */
export interface EncodeStream {
  /** Samples, [samples, channels] one after the other, as many as there are → the ids of the frames that are now whole, [frames, numCodebooks]. */
  push(samples: Float32Array): Promise<Int32Array>;
  /** The ids of what is left, filled up with silence; the next push begins a new sound. */
  flush(): Promise<Int32Array>;
}

/** Ids that arrive in pieces → sound. */
export interface DecodeStream {
  /** Ids of whole frames, [frames, numCodebooks] → their samples, [samples, channels]. */
  push(ids: Int32Array): Promise<Float32Array>;
}

/**
 * Encodes sound while it arrives, by a causal tokenizer: `push(samples)` gives the ids that encoding the whole would give, as soon as their frames are
 * whole. It keeps as many samples as a token sees (`describe().encoder.receptiveField`) and runs the network over them again with each piece, so that pieces much
 * shorter than that cost more than the whole. Pushes may not overlap.
 *
 * @throws OptionError for a tokenizer that is not causal.
 * @example
 * const causal = createAudioTokenizer({ quantizer: 'fsq', filters: 4, strides: [2, 4], causal: true });
 * const stream = createEncodeStream(causal);
 * const first = await stream.push(new Float32Array(20)); // 2 frames of 8 samples; 4 wait
 */
export function createEncodeStream(tokenizer: AudioTokenizer): EncodeStream {
  const { hop, config } = tokenizer;
  const { channels } = config;
  requireCausal('createEncodeStream', tokenizer);
  const perFrame = hop * channels;
  const { receptiveField } = tokenizer.describe([1, hop, channels]).encoder;
  const kept = Math.ceil((receptiveField[0] as number) / hop) * perFrame;
  /** What the frames to come see, and what they are made of. */
  let held = new Float32Array(0);
  /** Samples of `held` whose frames were given. */
  let given = 0;

  const take = async (): Promise<Int32Array> => {
    const whole = held.length - (held.length % perFrame);
    if (whole === given) return new Int32Array(0);
    const ids = tidy(() =>
      tokenizer.encode(tensor(held.subarray(0, whole), [1, whole / channels, channels]) as Tensor3D),
    );
    const all = (await ids.data()) as Int32Array;
    ids.dispose();
    const fresh = all.slice((given / perFrame) * (all.length / (whole / perFrame)));
    const from = Math.max(0, whole - kept);
    held = held.slice(from);
    given = whole - from;
    return fresh;
  };
  return {
    push(samples) {
      const rule = `a whole number of samples of ${channels} channels`;
      requireOption(samples.length % channels === 0, 'push', 'samples', rule, samples.length, 'Pass all channels.');
      const longer = new Float32Array(held.length + samples.length);
      longer.set(held);
      longer.set(samples, held.length);
      held = longer;
      return take();
    },
    async flush() {
      const left = held.length % perFrame;
      const last = new Float32Array(held.length + (left === 0 ? 0 : perFrame - left));
      last.set(held);
      held = last;
      const ids = await take();
      held = new Float32Array(0);
      given = 0;
      return ids;
    },
  };
}

/**
 * Decodes ids while they arrive, by a causal tokenizer: the samples that decoding the whole would give, to the rounding of the engine. It keeps the ids that a
 * sample depends on, as {@link createEncodeStream} keeps samples.
 *
 * @throws OptionError for a tokenizer that is not causal.
 * @example
 * const causal = createAudioTokenizer({ quantizer: 'fsq', filters: 4, strides: [2, 4], causal: true });
 * const samples = await createDecodeStream(causal).push(Int32Array.of(3, 1)); // 16 samples
 */
export function createDecodeStream(tokenizer: AudioTokenizer): DecodeStream {
  const { hop, config, numCodebooks } = tokenizer;
  const { channels } = config;
  requireCausal('createDecodeStream', tokenizer);
  const axes = tokenizer.tokenShape(hop).slice(1);
  const { receptiveField } = tokenizer.describe([1, hop, channels]).decoder;
  const kept = Math.ceil(receptiveField[0] as number) * numCodebooks;
  let held = new Int32Array(0);
  return {
    async push(ids) {
      const rule = `ids of whole frames, ${numCodebooks} each`;
      requireOption(ids.length % numCodebooks === 0, 'push', 'ids', rule, ids.length, 'Pass all of a frame.');
      if (ids.length === 0) return new Float32Array(0);
      const all = Int32Array.from([...held, ...ids]);
      const frames = all.length / numCodebooks;
      const sound = tidy(() => tokenizer.decode(tensor(all, [1, frames, ...axes], 'int32')));
      const samples = (await sound.data()) as Float32Array;
      sound.dispose();
      held = all.slice(Math.max(0, all.length - kept));
      return samples.slice(samples.length - (ids.length / numCodebooks) * hop * channels);
    },
  };
}

function requireCausal(where: string, { config }: AudioTokenizer): void {
  if (config.causal) return;
  throw new OptionError(where, 'tokenizer', 'be causal', config.causal, 'Train one with --causal.');
}
