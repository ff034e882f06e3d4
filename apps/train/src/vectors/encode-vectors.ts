import { Interrupted } from '@vqkit/data';
import { openVectors } from '@vqkit/data/node';
import { checkOptions, count, field } from '@vqkit/schema';
import { requireWritableRowIds } from '@vqkit/tokens';
import { z } from 'zod';
import { startEngine } from '../engine.ts';
import { ENGINE_HELP, ENGINE_NAMES, type EngineName } from '../train-options.ts';
import { rowFields, uniqueField } from './options.ts';
import { openVectorTokenizer, vectorTokenizerFile } from './tokenizer.ts';
import { type VectorHooks, type VectorResult, warnOfConversion } from './train-vectors.ts';
import { type EncodedVectors, writeIds } from './write-ids.ts';

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
 * @param tokenizer a run on vectors, or its tokenizer file.
 * @throws OptionError, DataError or CheckpointError naming what is wrong.
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
  await requireWritableRowIds(where, out, source.keys, [path, await vectorTokenizerFile(tokenizer)]);
  const { engine } = await startEngine({ engine: given.engine ?? DEFAULTS.engine, threads: given.threads });
  const model = await openVectorTokenizer(where, tokenizer, source);
  try {
    hooks.onStart?.({ rows: source.count, dim: source.dim, engine });
    hooks.onPart?.('rows', source.count);
    const watch = { onRows: hooks.onDone, signal: hooks.signal };
    const report = await writeIds(out, model, source, { unique, batchSize, ...watch });
    return { status: 'finished', out, report };
  } catch (error) {
    if (error instanceof Interrupted) return { status: 'interrupted' };
    throw error;
  } finally {
    model.dispose();
  }
}
