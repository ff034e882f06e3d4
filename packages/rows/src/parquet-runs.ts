/** The integer of 7 bits per byte, low ones first, that starts at `at`, and where it ends. */
export function varint(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error('a number goes on past the end of its page');
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end: at };
  }
  throw new Error('a number has more than 32 bits');
}

/**
 * Fills `out` from parquet's mix of repeated values and packed bits (RLE, https://parquet.apache.org/docs/file-format/data-pages/encodings/): the
 * levels of a page and the indices into its dictionary. hyparquet's reader writes as many values as a damaged run says, which ends the process.
 *
 * @param bits of a value, 0 to 25.
 * @throws Error where the bytes end before `out` is full.
 */
export function decodeRuns(bytes: Uint8Array, bits: number, out: Uint8Array | Uint32Array): void {
  if (bits === 0) return;
  if (bits > 25) throw new Error(`values of ${bits} bits are more than 25`);
  const mask = 2 ** bits - 1;
  for (let [at, filled] = [0, 0]; filled < out.length; ) {
    const { value: header, end } = varint(bytes, at);
    const count = Math.floor(header / 2);
    const packed = header % 2 === 1;
    const values = Math.min(packed ? 8 * count : count, out.length - filled);
    const length = packed ? Math.ceil((values * bits) / 8) : Math.ceil(bits / 8);
    if (values === 0 || end + length > bytes.length)
      throw new Error('a run of values goes on past the end of its page');
    if (packed) {
      for (let [i, bit] = [0, 0]; i < values; i++, bit += bits) {
        out[filled + i] = (littleEndian(bytes, end + (bit >>> 3)) >>> (bit & 7)) & mask;
      }
    } else {
      out.fill(littleEndian(bytes, end) & mask, filled, filled + values);
    }
    filled += values;
    at = packed ? end + count * bits : end + length;
  }
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}
