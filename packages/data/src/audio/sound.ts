import { phrase } from '@vqkit/core-tensor';

/** Sound as it lies in a file. */
export interface Sound {
  /** Samples per second. */
  readonly sampleRate: number;
  /** Of equal length, in [-1, 1] unless the file goes beyond. */
  readonly channels: readonly Float32Array[];
}

/** What the decoders of files give. */
interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly sampleRate: number;
  readonly errors?: readonly { readonly message: string }[];
}

/** Of a format. */
export interface Decoder {
  decode(bytes: Uint8Array): Decoded;
  flush?(): Decoded;
  free(): void;
}

/** Of a channel; half an hour at 48 kHz is 86 million. */
const MOST_SAMPLES = 2 ** 27;
/** Bytes that a decoder is given at a time, so that what is too long is found before it is held. */
const PIECE = 2 ** 18;
const RATES = [1000, 768_000] as const;
export const MOST_CHANNELS = 8;

/**
 * The sound of a file, piece by piece.
 * @param name of the format, for errors.
 * @throws Error whose message is a reason.
 */
export function decodeAll(name: string, decoder: Decoder, bytes: Uint8Array): Sound {
  try {
    return joined(name, piecesOf(decoder, bytes));
  } finally {
    decoder.free();
  }
}

function* piecesOf(decoder: Decoder, bytes: Uint8Array): Generator<Decoded> {
  for (let from = 0; from < bytes.length; from += PIECE) yield decoder.decode(bytes.subarray(from, from + PIECE));
  if (decoder.flush !== undefined) yield decoder.flush();
}

function joined(name: string, pieces: Iterable<Decoded>): Sound {
  const parts: (readonly Float32Array[])[] = [];
  let [rate, channels, samples] = [0, 0, 0];
  for (const { channelData, sampleRate, errors = [] } of pieces) {
    const [first] = errors;
    if (first !== undefined) throw new Error(`damaged ${name}: ${phrase(first.message).text}`);
    const length = channelData[0]?.length ?? 0;
    if (length === 0) continue;
    if (rate !== 0 && (sampleRate !== rate || channelData.length !== channels)) {
      throw new Error(
        `its rate or channels change from ${rate} Hz × ${channels} to ${sampleRate} Hz × ${channelData.length}`,
      );
    }
    [rate, channels] = [sampleRate, channelData.length];
    if (channels > MOST_CHANNELS) throw new Error(`${channels} channels, more than ${MOST_CHANNELS}`);
    if (!(rate >= RATES[0] && rate <= RATES[1]))
      throw new Error(`${rate} samples per second, not in ${RATES.join(' … ')}`);
    samples += length;
    if (samples > MOST_SAMPLES) throw new Error(`longer than ${MOST_SAMPLES} samples; cut it up`);
    // A decoder may use its memory again.
    parts.push(channelData.map((channel) => channel.slice()));
  }
  if (samples === 0) throw new Error(`no sound in the ${name}`);
  const whole = Array.from({ length: channels }, (_, i) => {
    const channel = new Float32Array(samples);
    let at = 0;
    for (const part of parts) {
      channel.set(part[i] as Float32Array, at);
      at += (part[i] as Float32Array).length;
    }
    return channel;
  });
  if (whole.some((channel) => !channel.every(Number.isFinite))) throw new Error('NaN or infinite samples');
  return { sampleRate: rate, channels: whole };
}
