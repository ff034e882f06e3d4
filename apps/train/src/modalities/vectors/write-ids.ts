import type { VectorSource } from '@vqkit/data/node';
import type { RowKeys } from '@vqkit/rows';
import type { Tokenizer } from '@vqkit/tokenizer';
import { findCollisions, type RowIdBlock, writeRowIds } from '@vqkit/tokens';
import { type EvaluatedTokens, type Evaluation, type Examples, evaluate, vectorModality } from '@vqkit/training';
import type { RowIdsSummary } from '../../report-data.ts';

export interface WriteIdsOptions {
  readonly unique: boolean;
  readonly batchSize: number;
  /** Of the training, for options of a quantizer that are schedules. */
  readonly step?: number | undefined;
  readonly onRows?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Encodes all rows, counts what is lost, and writes ids and keys. The ids of all rows are held, their vectors are not. */
export async function writeIds(
  out: string,
  model: Tokenizer,
  source: VectorSource,
  rows: Examples,
  { unique, batchSize, step = 0, onRows, signal }: WriteIdsOptions,
): Promise<{ readonly evaluation: Evaluation } & RowIdsSummary> {
  const { count } = source;
  const { numCodebooks } = model;
  const ids = new Int32Array(count * numCodebooks);
  let done = 0;
  const onTokens = ({ indices }: EvaluatedTokens, examples: number): void => {
    ids.set(indices, done * numCodebooks);
    done += examples;
    onRows?.(done);
  };
  const evaluation = await evaluate(model, rows, { batchSize, step, modality: vectorModality, onTokens, signal });
  const { ordinals, ...collisions } = findCollisions(ids, numCodebooks);
  const columns = numCodebooks + (unique ? 1 : 0);
  const blocks = async function* (): AsyncGenerator<RowIdBlock> {
    for (let from = 0; from < count; from += batchSize) {
      const to = Math.min(count, from + batchSize);
      const { keys }: { keys: RowKeys } = await source.read(from, to, signal);
      const values = new Int32Array((to - from) * columns);
      for (let row = from; row < to; row++) {
        const at = (row - from) * columns;
        values.set(ids.subarray(row * numCodebooks, (row + 1) * numCodebooks), at);
        if (unique) values[at + numCodebooks] = ordinals[row] as number;
      }
      yield { values, keys };
    }
  };
  await writeRowIds(out, { count, columns, keys: source.keys }, blocks());
  return { evaluation, collisions, columns };
}
