import {
  CheckpointError,
  decodeNpy,
  decodeSafetensors,
  encodeNpyHeader,
  encodeSafetensorsHeader,
  type SafeTensor,
} from '@vqkit/checkpoint';
import { integersOf, phrase, QuantizerError, reason } from '@vqkit/core-tensor';
import { type ListBlock, parquetBlocks, parquetListBlocks, parquetLists, parquetRows } from '@vqkit/rows/parquet-bytes';
import { offsetsOf } from './frames.ts';
import type { ShardFormat, ShardManifest } from './manifest.ts';
import type { Stored, StoredFacts, StoredLayout, StoredPart } from './stored.ts';
import { readTar, tarBlocks } from './tar.ts';

interface Format {
  /** Whether keys of this kind have a place in it; if not they stand in the record. */
  holds(keys: ShardManifest['keys']): boolean;
  write(layout: StoredLayout, parts: AsyncIterable<StoredPart> | Iterable<StoredPart>): AsyncIterable<Uint8Array>;
  /** @param facts what it is to have: a file may say that there is more than memory holds. */
  read(where: string, bytes: Uint8Array, facts: StoredFacts): Promise<Stored>;
}

const IDS = 'ids';
/** Where packed ids stand. */
const PACKED = 'packed';
const KEY = 'key';
/** Where in the frames each recording begins, and the last ends. */
export const OFFSETS = 'offsets';
/** Parquet's column of samples of one channel. */
const SAMPLES = 'samples';

const npy: Format = {
  holds: (keys) => keys === 'row numbers',
  async *write({ count, shape, dtype, sounds }, parts) {
    yield encodeNpyHeader(dtype, [sounds?.rows ?? count, ...shape]);
    for await (const { values } of parts) yield bytesOf(values);
  },
  read: async (where, bytes) => storedOf(where, decodeNpy(bytes, where)),
};

const safetensors: Format = {
  holds: (keys) => keys !== 'texts',
  async *write({ count, shape, dtype, keys, notes, sounds }, parts) {
    const values = [dtype === 'I32' ? IDS : PACKED, { dtype, shape: [sounds?.rows ?? count, ...shape] }] as const;
    const key = [KEY, { dtype: 'I64', shape: [count] }] as const;
    const offsets = [OFFSETS, { dtype: 'I64', shape: [count + 1] }] as const;
    const hasKeys = keys === 'integers';
    // Wider types first, so that each is aligned: keys are known once all values are.
    const all: StoredPart[] = [];
    for await (const part of parts) all.push(part);
    const head = [...(hasKeys ? [key] : []), ...(sounds === undefined ? [] : [offsets]), values];
    yield encodeSafetensorsHeader(head, notes);
    if (hasKeys) for (const part of all) yield bytesOf(part.keys as BigInt64Array);
    if (sounds !== undefined) yield bytesOf(BigInt64Array.from(sounds.offsets, BigInt));
    for (const part of all) yield bytesOf(part.values);
  },
  async read(where, bytes, { sounds }) {
    const { tensors } = decodeSafetensors(bytes, where);
    if (sounds !== undefined) requireOffsets(where, tensors[OFFSETS], offsetsOf(sounds.frames));
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
  write({ count, shape, keys, sounds }, parts) {
    const width = product(shape);
    if (sounds !== undefined) {
      return parquetListBlocks({ column: IDS, keys, width, counts: SAMPLES }, listBlocks(parts));
    }
    const layout = { column: IDS, dtype: 'I32', count, width, keys, shape: [...shape] } as const;
    return parquetBlocks(layout, parts);
  },
  async read(where, bytes, { examples: count, width, sounds }) {
    const { buffer, byteOffset, byteLength } = bytes;
    const slice = (from: number, to = byteLength): ArrayBuffer =>
      buffer.slice(byteOffset + from, byteOffset + to) as ArrayBuffer;
    if (sounds !== undefined) {
      const most = width * (offsetsOf(sounds.frames).at(-1) as number);
      const options = { column: IDS, rows: count, most };
      const { dtype, values, lengths, keys } = await parquetLists('readStored', where, { byteLength, slice }, options);
      const other = sounds.frames.findIndex((frames, n) => lengths[n] !== frames * width);
      if (other >= 0) throw wrongLength(where, other, (sounds.frames[other] as number) * width, lengths[other]);
      const shape = [values.length / width, width];
      return { values: integersOf(where, IDS, { dtype, shape, data: values }), shape, keys };
    }
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
  facts: StoredFacts,
): Promise<Stored> {
  try {
    return await FORMATS[format].read(where, bytes, facts);
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

async function* listBlocks(parts: AsyncIterable<StoredPart> | Iterable<StoredPart>): AsyncGenerator<ListBlock> {
  for await (const { values, keys, sounds = { frames: [], samples: [] } } of parts) {
    yield { values, keys, entries: sounds.frames, counts: sounds.samples };
  }
}

/** Throws unless a tensor is where recordings begin by their lengths. */
export function requireOffsets(where: string, tensor: SafeTensor | undefined, expected: readonly number[]): void {
  const found = tensor?.dtype === 'I64' ? tensor.data : undefined;
  const fail = (got: unknown): CheckpointError => {
    const rule = `be the ${expected.length} frames where recordings begin, and the last ends`;
    return new CheckpointError(where, `'${OFFSETS}'`, rule, got, 'Encode it again.');
  };
  if (found === undefined) throw fail(phrase('none of I64'));
  if (found.length !== expected.length) throw fail(phrase(`${found.length} of them`, found.length));
  const other = expected.findIndex((offset, n) => found[n] !== BigInt(offset));
  if (other >= 0) throw fail(phrase(`${found[other]} at ${other}`, found[other]));
}

function wrongLength(where: string, example: number, ids: number, found: unknown): CheckpointError {
  return new CheckpointError(
    where,
    `example ${example}`,
    `have ${ids} ids, as its record says`,
    found,
    'Encode it again.',
  );
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, length) => all * length, 1);
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
