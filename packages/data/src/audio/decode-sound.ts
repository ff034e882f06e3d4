import { decodeWav, isWav } from './decode-wav.ts';
import { type Decoder, decodeAll, type Sound } from './sound.ts';

interface Format {
  readonly name: string;
  /** The optional package that decodes it. */
  readonly from: string;
  create(): Promise<Decoder>;
}

/** The code of an error where a decoder's package is not installed. */
export const NO_PACKAGE = 'ENOPKG';

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

/**
 * Decodes WAV, FLAC, Ogg (Vorbis, Opus, FLAC) and MP3, told by content. WAV needs no package of its own; the others need @audio/decode-flac, -vorbis, -opus or -mp3.
 *
 * @throws Error whose message is a reason, `empty`, for what cannot be read.
 * @example
 * const silence = encodeWav({ sampleRate: 8000, channels: [new Float32Array(80)] });
 * const { sampleRate, channels } = await decodeSound(silence);
 */
export async function decodeSound(bytes: Uint8Array): Promise<Sound> {
  if (isWav(bytes)) return decodeWav(bytes);
  const format = formatOf(bytes);
  const decoder = await format.create().catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    // No property of the recording: another machine may have it.
    const reason = `${format.name}, which needs a package: npm install ${format.from}`;
    throw Object.assign(new Error(reason), { code: NO_PACKAGE });
  });
  return decodeAll(format.name, decoder, bytes);
}

function formatOf(bytes: Uint8Array): Format {
  if (bytes.length === 0) throw new Error('an empty file');
  const begin = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  if (begin.startsWith('fLaC')) return FLAC;
  if (begin.startsWith('ID3') || /^\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]/.test(begin)) return MP3;
  if (begin.startsWith('OggS')) {
    const first = Buffer.from(bytes.subarray(0, 128)).toString('latin1');
    if (first.includes('OpusHead')) return OPUS;
    return first.includes('FLAC') ? FLAC : VORBIS;
  }
  throw new Error('by its content no WAV, FLAC, Ogg or MP3');
}
