import type { ImageSource, VectorSource } from '@vqkit/data/node';
import type { RowKeys } from '@vqkit/rows';

/** An example without data, and why. */
interface Unread {
  /** In the source. */
  readonly position: number;
  readonly name: string;
  readonly reason: string;
  /** The error of the file system behind it: not a fault of the example. */
  readonly code?: string | undefined;
}

interface Batch {
  /** [keys.length, …shape]. */
  readonly data: Float32Array;
  readonly keys: RowKeys;
  readonly skipped: readonly Unread[];
}

/** Examples of any kind of data in a fixed order, as an encoder takes them. */
export interface Examples {
  readonly count: number;
  /** Of one example: [height, width, channels], or [numbers]. */
  readonly shape: readonly number[];
  readonly keys: 'row numbers' | 'integers' | 'texts';
  read(from: number, to: number, signal?: AbortSignal): Promise<Batch>;
}

/** @param first the position of its first image in the whole source. */
export function imageExamples(source: ImageSource, names?: readonly string[], first = 0): Examples {
  const { count, height, width, channels } = source;
  return {
    count,
    shape: [height, width, channels],
    keys: names === undefined ? 'row numbers' : 'texts',
    async read(from, to, signal) {
      const piece = await source.read(from, to, signal);
      const data = piece.images.batch(Int32Array.from({ length: piece.images.count }, (_, i) => i));
      const all = Array.from({ length: to - from }, (_, i) => from + i);
      const left = all.filter(leftOut(names, piece.names ?? []));
      const skipped = piece.skipped.map(({ file, reason, code }, i) => {
        const at = left[i] ?? from;
        return { position: first + at, name: names?.[at] ?? file, reason, code };
      });
      const keys = piece.names ?? BigInt64Array.from(all, (position) => BigInt(first + position));
      return { data, keys, skipped };
    },
  };
}

/** Whether a position is none of those that were read, which come in their order. */
function leftOut(names: readonly string[] | undefined, read: readonly string[]): (position: number) => boolean {
  let next = 0;
  return (position) => {
    if (names === undefined || names[position] !== read[next]) return names !== undefined;
    next++;
    return false;
  };
}

export function vectorExamples({ count, dim, keys, read }: VectorSource): Examples {
  return {
    count,
    shape: [dim],
    keys,
    async read(from, to, signal) {
      const block = await read(from, to, signal);
      return { data: block.vectors, keys: block.keys, skipped: [] };
    },
  };
}
