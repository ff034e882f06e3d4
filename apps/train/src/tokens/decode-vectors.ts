import { tensor, tidy } from '@tensorflow/tfjs-core';
import { DataError, OptionError, phrase, requireKnownOptions } from '@vqkit/core-tensor';
import { Interrupted, letSignalsIn } from '@vqkit/data';
import { type RowBlock, requireWritableRows, writeRows } from '@vqkit/rows';
import type { VectorTokenizer } from '@vqkit/tokenizer';
import { openRowIds, type RowIdFile, requireRange } from '@vqkit/tokens';
import { startEngine } from '../engine.ts';
import { filesToKeep } from '../run-folder.ts';
import { openVectorTokenizer, pathOf, type TokenizerSource } from '../tokenizer.ts';
import type { DecodeOptions } from './decode-tokens.ts';
import type { EncodeVectorOptions, VectorHooks, VectorResult } from './encode-vectors.ts';

/** Options of {@link decodeVectors}. */
export type DecodeVectorOptions = Pick<
  EncodeVectorOptions,
  'out' | 'column' | 'keyColumn' | 'batchSize' | 'engine' | 'threads'
> &
  Pick<DecodeOptions, 'from' | 'limit'>;

/**
 * Decodes a file of ids, or a folder of shards, into vectors, float32, with the rows' keys: the column or tensor `vectors`. A last id that only tells rows apart is left out.
 *
 * @param tokenizer a run on vectors, one of its checkpoints, or a tokenizer file: what encoded them.
 * @throws OptionError, DataError or CheckpointError naming what is wrong.
 */
export async function decodeVectors(
  tokenizer: TokenizerSource,
  path: string,
  options: DecodeVectorOptions = {},
  hooks: VectorHooks = {},
): Promise<VectorResult<{ readonly out: string; readonly rows: number }>> {
  const where = 'decodeVectors';
  const { out = 'vectors.parquet', column, keyColumn, batchSize = 8192, engine = 'auto', threads } = options;
  const known = ['out', 'column', 'keyColumn', 'batchSize', 'from', 'limit', 'engine', 'threads'];
  requireKnownOptions(where, options, known);
  const whole = await openRowIds(path, { column, keyColumn });
  const { from: start = 0, limit = whole.count } = options;
  const [first, end] = requireRange(`${where}: ${path}`, whole.count, { from: start, to: start + limit });
  const read: RowIdFile['read'] = (from, to) => whole.read(first + from, first + to);
  const file: RowIdFile = { ...whole, count: end - first, read };
  await requireWritableRows(where, out, file.keys, [path, ...(await filesToKeep(pathOf(tokenizer)))]);
  const started = await startEngine({ engine, threads });
  const model = await openVectorTokenizer(where, tokenizer);
  try {
    const { numCodebooks } = model;
    if (file.columns !== numCodebooks && file.columns !== numCodebooks + 1) {
      throw new OptionError(
        where,
        path,
        `have ${numCodebooks} ids per row, or one more`,
        file.columns,
        'Pass what this tokenizer encoded.',
      );
    }
    const { features: width } = model.config;
    const { count, keys } = file;
    hooks.onStart?.({ rows: count, dim: width, engine: started.engine });
    const blocks = decoded(where, model, file, batchSize, hooks);
    await writeRows(out, { column: 'vectors', dtype: 'F32', count, width, keys }, blocks);
    return { status: 'finished', out, rows: count };
  } catch (error) {
    if (error instanceof Interrupted) return { status: 'interrupted' };
    throw error;
  } finally {
    model.dispose();
  }
}

async function* decoded(
  where: string,
  model: VectorTokenizer,
  file: RowIdFile,
  batchSize: number,
  { onRows, signal }: VectorHooks,
): AsyncGenerator<RowBlock & { readonly values: Float32Array }> {
  const { numCodebooks, codebookSize } = model;
  const { columns, count } = file;
  for (let from = 0; from < count; from += batchSize) {
    await letSignalsIn(signal);
    const to = Math.min(count, from + batchSize);
    const { values, keys } = await file.read(from, to);
    const ids = values.filter((_, i) => i % columns < numCodebooks);
    const wrong = ids.findIndex((id) => id < 0 || id >= codebookSize);
    if (wrong >= 0) {
      throw new DataError(
        where,
        'ids',
        `be in [0, ${codebookSize})`,
        phrase(`${ids[wrong]} in row ${from + Math.floor(wrong / numCodebooks)}`, ids[wrong]),
        'Pass what this tokenizer encoded.',
      );
    }
    const shape = numCodebooks === 1 ? [to - from] : [to - from, numCodebooks];
    const vectors = tidy(() => model.decode(tensor(ids, shape, 'int32')));
    const data = (await vectors.data()) as Float32Array;
    vectors.dispose();
    yield { values: data, keys };
    onRows?.(to);
  }
}
