import { tensor } from '@tensorflow/tfjs-core';
import { letSignalsIn } from '@vqkit/data';
import type { RowKeys } from '@vqkit/rows';
import type { Tokenizer } from '@vqkit/tokenizer';
import type { Examples } from './examples.ts';

/** The ids of a batch. */
export interface EncodedBatch {
  readonly ids: Int32Array;
  readonly keys: RowKeys;
  readonly skipped: Awaited<ReturnType<Examples['read']>>['skipped'];
  /** Examples that are done with it, of those asked for. */
  readonly done: number;
}

/**
 * Encodes examples in batches; the next one is read while the engine works on this one.
 * @throws Interrupted when the signal is aborted.
 */
export async function* idBlocks(
  { encode }: Pick<Tokenizer, 'encode'>,
  { read, shape }: Examples,
  options: {
    readonly from: number;
    readonly to: number;
    readonly batchSize: number;
    readonly signal?: AbortSignal | undefined;
  },
): AsyncGenerator<EncodedBatch> {
  const { from, to, batchSize, signal } = options;
  const readFrom = (start: number): ReturnType<typeof read> => {
    const batch = read(start, Math.min(start + batchSize, to), signal);
    // Nobody awaits it where the one before fails.
    batch.catch(() => undefined);
    return batch;
  };
  let next = readFrom(from);
  for (let start = from; start < to; start += batchSize) {
    const { data, keys, skipped } = await next;
    const done = Math.min(start + batchSize, to);
    if (done < to) next = readFrom(done);
    const ids = keys.length === 0 ? new Int32Array(0) : await encodeBatch(encode, data, [keys.length, ...shape]);
    yield { ids, keys, skipped, done: done - from };
    await letSignalsIn(signal);
  }
}

async function encodeBatch(encode: Tokenizer['encode'], data: Float32Array, shape: number[]): Promise<Int32Array> {
  const batch = tensor(data, shape);
  const ids = encode(batch);
  batch.dispose();
  try {
    return (await ids.data()) as Int32Array;
  } finally {
    ids.dispose();
  }
}
