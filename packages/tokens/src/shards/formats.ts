import {
  CheckpointError,
  decodeNpy,
  decodeSafetensors,
  encodeNpyHeader,
  encodeSafetensorsHeader,
  type SafeTensor,
} from '@vqkit/checkpoint';
import { integersOf, QuantizerError, reason } from '@vqkit/core-tensor';
import { parquetBlocks, parquetRows } from '@vqkit/rows/parquet-bytes';
import type { ShardFormat, ShardManifest } from './manifest.ts';
import type { Stored, StoredLayout, StoredPart } from './stored.ts';
import { readTar, tarBlocks } from './tar.ts';

interface Format {
  /** Whether keys of this kind have a place in it; if not they stand in the record. */
  holds(keys: ShardManifest['keys']): boolean;
  write(layout: StoredLayout, parts: AsyncIterable<StoredPart> | Iterable<StoredPart>): AsyncIterable<Uint8Array>;
  /** @param count examples that it is to have: a file may say that there are more than memory holds. */
  read(where: string, bytes: Uint8Array, count: number): Promise<Stored>;
}

const IDS = 'ids';
/** Where packed ids stand. */
const PACKED = 'packed';
const KEY = 'key';

const npy: Format = {
  holds: (keys) => keys === 'row numbers',
  async *write({ count, shape, dtype }, parts) {
    yield encodeNpyHeader(dtype, [count, ...shape]);
    for await (const { values } of parts) yield bytesOf(values);
  },
  read: async (where, bytes) => storedOf(where, decodeNpy(bytes, where)),
};

const safetensors: Format = {
  holds: (keys) => keys !== 'texts',
  async *write({ count, shape, dtype, keys, notes }, parts) {
    const values = [dtype === 'I32' ? IDS : PACKED, { dtype, shape: [count, ...shape] }] as const;
    const key = [KEY, { dtype: 'I64', shape: [count] }] as const;
    const hasKeys = keys === 'integers';
    // Wider types first, so that each is aligned: keys are known once all values are.
    const all: StoredPart[] = [];
    for await (const part of parts) all.push(part);
    yield encodeSafetensorsHeader(hasKeys ? [key, values] : [values], notes);
    if (hasKeys) for (const part of all) yield bytesOf(part.keys as BigInt64Array);
    for (const part of all) yield bytesOf(part.values);
  },
  async read(where, bytes) {
    const { tensors } = decodeSafetensors(bytes, where);
    const values = tensors[IDS] ?? tensors[PACKED];
    if (values === undefined) {
      const rule = `hold the tensor '${IDS}' or '${PACKED}'`;
      throw new CheckpointError(where, 'the file', rule, Object.keys(tensors), 'Encode it again.');
    }
    const keys = tensors[KEY];
    return { ...storedOf(where, values), ...(keys?.dtype === 'I64' ? { keys: keys.data } : {}) };
  },
};

const parquet: Format = {
  holds: () => true,
  write({ count, shape, keys }, parts) {
    const width = product(shape);
    const layout = { column: IDS, dtype: 'I32', count, width, keys, shape: [...shape] } as const;
    return parquetBlocks(layout, parts);
  },
  async read(where, bytes, count) {
    const { buffer, byteOffset, byteLength } = bytes;
    const slice = (from: number, to = byteLength): ArrayBuffer =>
      buffer.slice(byteOffset + from, byteOffset + to) as ArrayBuffer;
    const rows = await parquetRows('readStored', where, { byteLength, slice }, { column: IDS });
    if (rows.count !== count)
      throw new CheckpointError(where, 'the file', `have ${count} rows`, rows.count, 'Encode it again.');
    const { values, keys } = await rows.read(0, rows.count);
    const data = integersOf(where, IDS, { dtype: rows.dtype, shape: [rows.count, rows.width], data: values });
    return { values: data, shape: [rows.count, rows.width], keys };
  },
};

const tar: Format = { holds: () => true, write: tarBlocks, read: readTar };

export const FORMATS: Readonly<Record<ShardFormat, Format>> = { safetensors, npy, parquet, tar };

/** @throws CheckpointError, DtypeError or DataError for a file that is not what its name says. */
export async function readStored(
  where: string,
  format: ShardFormat,
  bytes: Uint8Array,
  count: number,
): Promise<Stored> {
  try {
    return await FORMATS[format].read(where, bytes, count);
  } catch (error) {
    if (error instanceof QuantizerError) throw error;
    const rule = `be a whole .${format} file`;
    throw new CheckpointError(where, 'the file', rule, reason(error), 'Encode it again.', { cause: error });
  }
}

function storedOf(where: string, { dtype, shape, data }: SafeTensor): Stored {
  if (dtype === 'U8') return { values: data, shape };
  return { values: integersOf(where, IDS, { dtype, shape, data } as SafeTensor), shape };
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, length) => all * length, 1);
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
