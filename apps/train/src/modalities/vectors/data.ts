import { createHash } from 'node:crypto';
import { createRng, OptionError, phrase } from '@vqkit/core-tensor';
import { createVectorSet, letSignalsIn, type VectorSet } from '@vqkit/data';
import { openVectors, type VectorSource } from '@vqkit/data/node';
import type { ExampleSets, ReadHooks } from '../../modality.ts';
import type { VectorConfig } from '../../train-options.ts';

/** Vectors of at most so many bytes are held, so that training reads them once. */
const HELD_BYTES = 2 ** 30;
/** Rows that lie together in the file and in a batch, where the vectors are not held. */
const ROWS_TOGETHER = 64;
/** Rows that are read at a time to look at them. */
const BLOCK = 16_384;
/** Rows of the validation where nothing is said, at most: more only take time. */
const MOST_VALIDATION = 1000;

/** The rows of a file; all of them are the test, for all of them get ids. */
export interface VectorSets extends ExampleSets {
  readonly source: VectorSource;
  readonly train: VectorSet;
  readonly validation: VectorSet;
  readonly test: VectorSet;
}

/**
 * Opens a file of vectors and looks at every row, so that one that cannot be used is named before the training begins; which rows the
 * validation has is a function of the seed.
 *
 * @throws OptionError or DataError naming the option, or the row, and the fix.
 */
export async function readVectors(
  { dataPath = '', column, keyColumn, validationSize, seed }: VectorConfig,
  watch: ReadHooks,
): Promise<VectorSets> {
  const file = await openVectors(dataPath, { column, keyColumn });
  warnOfConversion(dataPath, file, watch);
  const { source, sha256 } = await lookedAt(file, watch.signal);
  const { count, dim } = source;
  const heldOut = validationSize ?? Math.min(MOST_VALIDATION, Math.round(count / 10));
  if (heldOut >= count) {
    throw new OptionError(
      'train',
      'validationSize',
      'leave rows to train on',
      phrase(`${heldOut} of ${count}`, heldOut),
      'Use a smaller one.',
    );
  }
  const all = createVectorSet(source, source === file ? ROWS_TOGETHER : undefined);
  const order = createRng(seed)
    .fork('held-out rows')
    .permutation(heldOut === 0 ? 0 : count);
  const validation = all.subset(order.slice(0, heldOut).sort());
  const train = heldOut === 0 ? all : all.subset(order.slice(heldOut).sort());
  const notes = { train: train.count, validation: validation.count, test: count, sha256: `${sha256} ${dim}` };
  return {
    source,
    train,
    validation,
    test: all,
    skipped: [],
    options: { validationSize: heldOut },
    notes: () => notes,
  };
}

/** Says what is converted, once. */
export function warnOfConversion(path: string, { dtype }: VectorSource, { onWarning }: ReadHooks): void {
  if (dtype !== 'F32') onWarning?.(`${path} holds ${dtype}, which is converted to float32`);
}

/** Reads every row once: held where there is room, and the SHA-256 of the numbers. */
async function lookedAt(
  file: VectorSource,
  signal: AbortSignal | undefined,
): Promise<{ readonly source: VectorSource; readonly sha256: string }> {
  const { count, dim } = file;
  const hash = createHash('sha256');
  const held = count * dim * 4 > HELD_BYTES ? undefined : new Float32Array(count * dim);
  const keys: (bigint | string)[] = [];
  for (let from = 0; from < count; from += BLOCK) {
    await letSignalsIn(signal);
    const block = await file.read(from, Math.min(count, from + BLOCK), signal);
    hash.update(new Uint8Array(block.vectors.buffer, block.vectors.byteOffset, block.vectors.byteLength));
    held?.set(block.vectors, from * dim);
    if (held !== undefined) for (const key of block.keys) keys.push(key);
  }
  const sha256 = hash.digest('hex');
  if (held === undefined) return { source: file, sha256 };
  const read: VectorSource['read'] = async (from, to) => ({
    vectors: held.subarray(from * dim, to * dim),
    keys: (file.keys === 'texts'
      ? keys.slice(from, to)
      : BigInt64Array.from(keys.slice(from, to) as bigint[])) as never,
  });
  return { source: { ...file, read }, sha256 };
}
