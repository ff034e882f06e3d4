import { createVectorSet, Interrupted } from '@vqkit/data';
import { openVectors } from '@vqkit/data/node';
import { checkOptions, count, field } from '@vqkit/schema';
import type { Tokenizer } from '@vqkit/tokenizer';
import { requireWritableRowIds } from '@vqkit/tokens';
import type { CodeUse, Quality } from '@vqkit/training';
import { z } from 'zod';
import { startEngine } from '../engine.ts';
import { warnOfConversion } from '../modalities/vectors/data.ts';
import { rowFields, uniqueField } from '../modalities/vectors/options.ts';
import { idsText } from '../modalities/vectors/shown.ts';
import { writeIds } from '../modalities/vectors/write-ids.ts';
import type { RowIdsSummary } from '../report-data.ts';
import { filesToKeep } from '../run-folder.ts';
import { openVectorTokenizer } from '../tokenizer.ts';
import { ENGINE_HELP, ENGINE_NAMES, type EngineName } from '../train-options.ts';

/** What a caller may watch and stop. */
export interface VectorHooks {
  onStart?(info: { rows: number; dim: number; engine: string }): void;
  onRows?(done: number): void;
  onWarning?(message: string): void;
  readonly signal?: AbortSignal | undefined;
}

export type VectorResult<Finished> = ({ readonly status: 'finished' } & Finished) | { readonly status: 'interrupted' };

/** What rows became. */
export interface EncodedVectors extends RowIdsSummary {
  readonly quality: Quality;
  readonly codes: CodeUse;
  /** Error and collisions in a line. */
  readonly text: string;
}

/** Options of {@link encodeVectors}, described in {@link encodeVectorsJsonSchema}. */
export interface EncodeVectorOptions {
  readonly out?: string | undefined;
  readonly column?: string | undefined;
  readonly keyColumn?: string | undefined;
  readonly unique?: boolean | undefined;
  readonly batchSize?: number | undefined;
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
}

const DEFAULTS = { out: 'ids.parquet', unique: false, batchSize: 8192, engine: 'auto' } as const;

const schema = z.strictObject({
  out: field(z.string().min(1), 'The file of ids: .parquet, .safetensors or .npy.', DEFAULTS.out),
  ...rowFields,
  unique: uniqueField,
  batchSize: field(count(1), 'Rows at a time.', DEFAULTS.batchSize),
  engine: field(z.enum(ENGINE_NAMES), ENGINE_HELP, DEFAULTS.engine),
  threads: field(count(1), 'Threads of the wasm engine. Default all cores.'),
});

/** The options of {@link encodeVectors} as JSON Schema, to make flags from. */
export function encodeVectorsJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(schema);
}

/**
 * Encodes the vectors of a file into ids with the rows' keys.
 *
 * @param tokenizer a run on vectors, one of its checkpoints, or a tokenizer file.
 * @throws OptionError, DataError or CheckpointError naming what is wrong.
 * @example
 * const layout = { column: 'x', dtype: 'F32', count: 300, width: 4, keys: 'row numbers' } as const;
 * const values = new Float32Array(1200).map((_, i) => Math.sin(i * i));
 * await writeRows('rows.npy', layout, [{ values, keys: new BigInt64Array(300).map((_, i) => BigInt(i)) }]);
 * const quantizerOptions = { codebookSize: 32 };
 * const data = { data: 'vectors', dataPath: 'rows.npy', quantizerOptions, passes: 1 } as const;
 * await train(createConfig({ ...data, outDir: 'runs/items', engine: 'cpu' }));
 * await encodeVectors('runs/items', 'rows.npy', { out: 'row-ids.parquet', unique: true, engine: 'cpu' });
 * await decodeVectors('runs/items', 'row-ids.parquet', { out: 'decoded.npy', engine: 'cpu' });
 */
export async function encodeVectors(
  tokenizer: string,
  path: string,
  options: EncodeVectorOptions = {},
  hooks: VectorHooks = {},
): Promise<VectorResult<{ readonly out: string; readonly report: EncodedVectors }>> {
  const where = 'encodeVectors';
  const given: EncodeVectorOptions = checkOptions(schema, options, where);
  const { out = DEFAULTS.out, column, keyColumn, unique = DEFAULTS.unique, batchSize = DEFAULTS.batchSize } = given;
  const source = await openVectors(path, { column, keyColumn });
  warnOfConversion(path, source, hooks);
  await requireWritableRowIds(where, out, source.keys, [path, ...(await filesToKeep(tokenizer))]);
  const { engine } = await startEngine({ engine: given.engine ?? DEFAULTS.engine, threads: given.threads });
  const model = await openVectorTokenizer(where, tokenizer, source);
  try {
    hooks.onStart?.({ rows: source.count, dim: source.dim, engine });
    const { onRows, signal } = hooks;
    const rows = createVectorSet(source);
    const written = await writeIds(out, model as unknown as Tokenizer, source, rows, {
      unique,
      batchSize,
      onRows,
      signal,
    });
    const { evaluation, ...ids } = written;
    const { quality, codes } = evaluation;
    const report = { ...ids, quality, codes, text: idsText(quality, codes, ids) };
    return { status: 'finished', out, report };
  } catch (error) {
    if (error instanceof Interrupted) return { status: 'interrupted' };
    throw error;
  } finally {
    model.dispose();
  }
}
