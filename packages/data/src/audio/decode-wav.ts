import { decoder } from '@audio/decode-wav';
import { decodeAll, MOST_CHANNELS, type Sound } from './sound.ts';

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** Whether a file begins as a WAV does, whatever its name is. */
export function isWav(bytes: Uint8Array): boolean {
  return /^RIFF....WAVE/s.test(String.fromCharCode(...bytes.subarray(0, 12)));
}

/**
 * Decodes a WAV of PCM or float samples, in Node and in a page; `decodeSound` of `@vqkit/data/node` takes other formats too.
 *
 * @throws Error whose message is a reason, `a WAV without a format`.
 * @example
 * const { sampleRate, channels } = decodeWav(encodeWav({ sampleRate: 8000, channels: [new Float32Array(80)] }));
 */
export function decodeWav(bytes: Uint8Array): Sound {
  if (!isWav(bytes)) throw new Error('by its content no WAV');
  requireWavHeader(bytes);
  return decodeAll('WAV', decoder(), bytes);
}

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
