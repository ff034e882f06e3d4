import { DataError, phrase, requireInteger, requireOption, ShapeError } from '@vqkit/core-tensor';

/**
 * Ids that are one number in mixed radix: n ids of K codes, Σ id_j · K^j, take ⌈n log₂ K⌉ bits instead of n ⌈log₂ K⌉. More would cost time that grows
 * with their square, and save less than 1 bit in 64 ids.
 */
const GROUP = 64;

/** How many of an example's ids are one number, the bits of it, and those of the ids that are left. */
function groupsOf(count: number, codebookSize: number): { readonly size: number; bits: number; rest: number } {
  const bits = Math.log2(codebookSize);
  // A power of two gains nothing from groups, and numbers do for it.
  if (Number.isInteger(bits)) return { size: 1, bits, rest: 0 };
  const bitsOf = (ids: number): number => (BigInt(codebookSize) ** BigInt(ids) - 1n).toString(2).length;
  const left = count % GROUP;
  return { size: GROUP, bits: bitsOf(GROUP), rest: left === 0 ? 0 : bitsOf(left) };
}

/**
 * Bytes that an example takes when it is packed.
 * @example
 * packedBytes(256, 1000); // 319, where 10 bits for each id would be 320
 */
export function packedBytes(count: number, codebookSize: number): number {
  requireInteger('packedBytes', 'count', count, 1);
  requireInteger('packedBytes', 'codebookSize', codebookSize, 1);
  const { size, bits, rest } = groupsOf(count, codebookSize);
  return Math.max(1, Math.ceil((Math.floor(count / size) * bits + rest) / 8));
}

/**
 * Packs ids into the fewest bits. The bytes of an example are one little-endian number: the ids in groups of 64, of which each is a number in radix K with the
 * first id as its last digit and takes ⌈n log₂ K⌉ bits, the first group the lowest; for K a power of two that is log₂ K bits per id.
 *
 * @param ids [examples, count], each in [0, codebookSize).
 * @returns [examples, packedBytes(count, codebookSize)].
 * @throws ShapeError for ids of part of an example; DataError for an id out of range, padding too.
 * @example
 * packIds(Int32Array.of(3, 1, 0, 2), 4, 4); // [135]
 */
export function packIds(ids: Int32Array, count: number, codebookSize: number): Uint8Array {
  const bytesEach = packedBytes(count, codebookSize);
  if (ids.length % count !== 0) {
    throw new ShapeError('packIds', 'ids', `be whole examples of ${count}`, ids.length, 'Pass all of them.');
  }
  const wrong = ids.findIndex((id) => id < 0 || id >= codebookSize);
  if (wrong >= 0) {
    throw new DataError('packIds', `ids[${wrong}]`, `be in [0, ${codebookSize})`, ids[wrong], 'Write them unpacked.');
  }
  const { size, bits: whole, rest } = groupsOf(count, codebookSize);
  const radix = BigInt(codebookSize);
  const bytes = new Uint8Array((ids.length / count) * bytesEach);
  for (let example = 0; example * count < ids.length; example++) {
    const put = bitWriter(bytes.subarray(example * bytesEach, (example + 1) * bytesEach));
    let at = example * count;
    for (const end = at + count; at < end; ) {
      const length = Math.min(size, end - at);
      const bits = length === size ? whole : rest;
      if (size === 1) put(ids[at] as number, bits);
      else {
        let value = 0n;
        for (let j = length - 1; j >= 0; j--) value = value * radix + BigInt(ids[at + j] as number);
        putBig(put, value, bits);
      }
      at += length;
    }
  }
  return bytes;
}

/**
 * The ids that {@link packIds} packed.
 *
 * @param count ids of an example.
 * @throws ShapeError for bytes of part of an example; DataError for bytes that are no ids of so many codes.
 * @example
 * unpackIds(Uint8Array.of(135), 4, 4); // [3, 1, 0, 2]
 */
export function unpackIds(bytes: Uint8Array, count: number, codebookSize: number): Int32Array {
  const bytesEach = packedBytes(count, codebookSize);
  const isWhole = bytes.length % bytesEach === 0;
  requireOption(isWhole, 'unpackIds', 'bytes', `whole examples of ${bytesEach}`, bytes.length, 'Pass all of them.');
  const { size, bits: whole, rest } = groupsOf(count, codebookSize);
  const radix = BigInt(codebookSize);
  const ids = new Int32Array((bytes.length / bytesEach) * count);
  for (let example = 0; example * bytesEach < bytes.length; example++) {
    const take = bitReader(bytes.subarray(example * bytesEach, (example + 1) * bytesEach));
    let at = example * count;
    for (const end = at + count; at < end; ) {
      const length = Math.min(size, end - at);
      const bits = length === size ? whole : rest;
      if (size === 1) ids[at] = take(bits);
      else {
        let value = takeBig(take, bits);
        for (let j = 0; j < length; j++) {
          ids[at + j] = Number(value % radix);
          value /= radix;
        }
        if (value !== 0n) {
          throw new DataError(
            'unpackIds',
            'bytes',
            `hold ids in [0, ${codebookSize})`,
            phrase(`larger ones in example ${example}`),
            'Read them with the codebookSize that packed them.',
          );
        }
      }
      at += length;
    }
  }
  return ids;
}

/** Writes numbers of up to 32 bits one after the other, the lowest bit first. */
function bitWriter(bytes: Uint8Array): (value: number, bits: number) => void {
  let at = 0;
  return (value, bits) => {
    for (let left = bits, rest = value; left > 0; ) {
      const free = Math.min(8 - (at & 7), left);
      bytes[at >> 3] = (bytes[at >> 3] as number) | ((rest & (2 ** free - 1)) << (at & 7));
      rest = Math.floor(rest / 2 ** free);
      at += free;
      left -= free;
    }
  };
}

function bitReader(bytes: Uint8Array): (bits: number) => number {
  let at = 0;
  return (bits) => {
    let value = 0;
    for (let done = 0; done < bits; ) {
      const free = Math.min(8 - (at & 7), bits - done);
      value += (((bytes[at >> 3] as number) >> (at & 7)) & (2 ** free - 1)) * 2 ** done;
      at += free;
      done += free;
    }
    return value;
  };
}

function putBig(put: (value: number, bits: number) => void, value: bigint, bits: number): void {
  for (let done = 0; done < bits; done += 32) {
    put(Number((value >> BigInt(done)) & 0xffffffffn), Math.min(32, bits - done));
  }
}

function takeBig(take: (bits: number) => number, bits: number): bigint {
  let value = 0n;
  for (let done = 0; done < bits; done += 32) value |= BigInt(take(Math.min(32, bits - done))) << BigInt(done);
  return value;
}
