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

interface Decoder {
  decode(bytes: Uint8Array): Decoded;
  flush?(): Decoded;
  free(): void;
}

interface Format {
  readonly name: string;
  /** The optional package that decodes it. */
  readonly from: string;
  create(): Promise<Decoder>;
}

/** Of a channel; half an hour at 48 kHz is 86 million. */
const MOST_SAMPLES = 2 ** 27;
/** Bytes that a decoder is given at a time, so that what is too long is found before it is held. */
const PIECE = 2 ** 18;
const RATES = [1000, 768_000] as const;
const MOST_CHANNELS = 8;

const FLAC: Format = {
  name: 'FLAC',
  from: '@audio/decode-flac',
  create: async () => (await import('@audio/decode-flac')).decoder(),
};
const MP3: Format = {
  name: 'MP3',
  from: '@audio/decode-mp3',
  create: async () => (await import('@audio/decode-mp3')).decoder(),
};
const VORBIS: Format = {
  name: 'Ogg Vorbis',
  from: '@audio/decode-vorbis',
  create: async () => (await import('@audio/decode-vorbis')).decoder(),
};
const OPUS: Format = {
  name: 'Ogg Opus',
  from: '@audio/decode-opus',
  create: async () => (await import('@audio/decode-opus')).decoder(),
};
const WAV: Format = {
  name: 'WAV',
  from: '@audio/decode-wav',
  create: async () => (await import('@audio/decode-wav')).decoder(),
};

/**
 * Decodes WAV, FLAC, Ogg (Vorbis, Opus, FLAC) and MP3, told by content. WAV needs no package of its own; the others need @audio/decode-flac, -vorbis, -opus or -mp3.
 *
 * @throws Error whose message is a reason, `empty`, for what cannot be read.
 * @example
 * const silence = encodeWav({ sampleRate: 8000, channels: [new Float32Array(80)] });
 * const { sampleRate, channels } = await decodeSound(silence);
 */
export async function decodeSound(bytes: Uint8Array): Promise<Sound> {
  const format = formatOf(bytes);
  if (format === WAV) requireWavHeader(bytes);
  const decoder = await format.create().catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(`${format.name}, which needs a package: npm install ${format.from}`);
  });
  try {
    return joined(format.name, piecesOf(decoder, bytes));
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

function formatOf(bytes: Uint8Array): Format {
  if (bytes.length === 0) throw new Error('an empty file');
  const begin = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  if (/^RIFF....WAVE/s.test(begin)) return WAV;
  if (begin.startsWith('fLaC')) return FLAC;
  if (begin.startsWith('ID3') || /^\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]/.test(begin)) return MP3;
  if (begin.startsWith('OggS')) {
    const first = Buffer.from(bytes.subarray(0, 128)).toString('latin1');
    if (first.includes('OpusHead')) return OPUS;
    return first.includes('FLAC') ? FLAC : VORBIS;
  }
  throw new Error('by its content no WAV, FLAC, Ogg or MP3');
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** What its numbers say must fit together: a reader that believes them may allocate any memory, or play at another speed. */
function requireWavHeader(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 12;
  while (at + 8 <= bytes.length && view.getUint32(at, false) !== 0x666d7420) at += 8 + view.getUint32(at + 4, true);
  if (at + 24 > bytes.length) throw new Error('a WAV without a format');
  const [tag, channels] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  const [rate, perSecond] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
  const [block, bits] = [view.getUint16(at + 20, true), view.getUint16(at + 22, true)];
  const inner = tag === EXTENSIBLE && at + 34 <= bytes.length ? view.getUint16(at + 32, true) : tag;
  if (inner !== PCM && inner !== FLOAT)
    throw new Error(`a WAV of encoding ${inner}, neither PCM nor float; convert it`);
  const widths = inner === PCM ? [8, 16, 24, 32] : [32, 64];
  if (!widths.includes(bits) || channels < 1 || channels > MOST_CHANNELS || block !== (channels * bits) / 8) {
    throw new Error(`a WAV whose header says ${channels} channels of ${bits} bits in ${block} bytes`);
  }
  if (perSecond !== rate * block) {
    throw new Error(`a WAV whose header says ${rate} samples a second, and ${perSecond / block} by its bytes`);
  }
}
