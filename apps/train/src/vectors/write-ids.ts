import { letSignalsIn } from '@vqkit/data';
import type { VectorSource } from '@vqkit/data/node';
import type { RowKeys } from '@vqkit/rows';
import type { VectorTokenizer } from '@vqkit/tokenizer';
import { type Collisions, findCollisions, type RowIdBlock, writeRowIds } from '@vqkit/tokens';
import { createVectorMeter, type VectorReport } from '@vqkit/training';

/** What all rows became. */
export interface EncodedVectors extends VectorReport {
  readonly collisions: Collisions;
  readonly bitsPerRow: number;
  /** Ids of a row in the file: one more than codebooks with `unique`. */
  readonly columns: number;
}

export interface WriteIdsOptions {
  readonly unique: boolean;
  readonly batchSize: number;
  readonly onRows?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Encodes all rows, counts what is lost, and writes ids and keys. The ids and keys of all rows are held, their vectors are not. */
export async function writeIds(
  out: string,
  tokenizer: VectorTokenizer,
  source: VectorSource,
  { unique, batchSize, onRows, signal }: WriteIdsOptions,
): Promise<EncodedVectors> {
  const { count, dim } = source;
  const { numCodebooks, bitsPerToken: bitsPerRow } = tokenizer;
  const meter = createVectorMeter(tokenizer, dim);
  const ids = new Int32Array(count * numCodebooks);
  const keys: RowKeys[] = [];
  for (let from = 0; from < count; from += batchSize) {
    await letSignalsIn(signal);
    const to = Math.min(count, from + batchSize);
    const block = await source.read(from, to, signal);
    ids.set(await meter.encode(block.vectors), from * numCodebooks);
    keys.push(block.keys);
    onRows?.(to);
  }
  const { ordinals, ...collisions } = findCollisions(ids, numCodebooks);
  const columns = numCodebooks + (unique ? 1 : 0);
  const blocks = function* (): Generator<RowIdBlock> {
    let from = 0;
    for (const part of keys) {
      const values = new Int32Array(part.length * columns);
      for (let n = 0; n < part.length; n++) {
        const row = from + n;
        values.set(ids.subarray(row * numCodebooks, (row + 1) * numCodebooks), n * columns);
        if (unique) values[n * columns + numCodebooks] = ordinals[row] as number;
      }
      from += part.length;
      yield { values, keys: part };
    }
  };
  await writeRowIds(out, { count, columns, keys: source.keys }, blocks());
  return { ...meter.report(), collisions, bitsPerRow, columns };
}
