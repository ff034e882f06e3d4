/**
 * The bytes of a WAV file, 16 bit: what lies beyond [-1, 1] is cut, NaN is silence. A sample is scaled as `decodeSound` reads it, so that 16-bit sound comes through
 * unchanged.
 *
 * @param channels of equal length.
 * @example
 * await writeFile('tone.wav', encodeWav({ sampleRate: 8000, channels: [new Float32Array(8000)] }));
 */
export function encodeWav({
  sampleRate,
  channels,
}: {
  readonly sampleRate: number;
  readonly channels: readonly Float32Array[];
}): Uint8Array {
  const [count, samples] = [channels.length, channels[0]?.length ?? 0];
  const block = 2 * count;
  const bytes = new Uint8Array(44 + samples * block);
  const view = new DataView(bytes.buffer);
  const text = (at: number, name: string): void => bytes.set(new TextEncoder().encode(name), at);
  text(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, count, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * block, true);
  view.setUint16(32, block, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, samples * block, true);
  channels.forEach((channel, c) => {
    for (let i = 0; i < samples; i++) {
      const value = Math.max(-1, Math.min(1, channel[i] as number));
      view.setInt16(44 + i * block + 2 * c, Math.round(value * (value < 0 ? 32768 : 32767)) || 0, true);
    }
  });
  return bytes;
}
