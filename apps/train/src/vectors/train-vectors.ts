import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mean, type Scalar, squaredDifference, type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { requireWritableFolder, writeFileAtomic } from '@vqkit/checkpoint/node';
import { createBatchOrder, Interrupted, letSignalsIn } from '@vqkit/data';
import { openVectors, type VectorSource } from '@vqkit/data/node';
import { createAdamW } from '@vqkit/nn';
import { quantizerEntry } from '@vqkit/quantizers';
import { createVectorTokenizer, saveTokenizer, type VectorTokenizer } from '@vqkit/tokenizer';
import { fitQuantizer, requireRowsForCodes, trainStep } from '@vqkit/training';
import { startEngine } from '../engine.ts';
import { type VectorTrainConfig, type VectorTrainOptions, vectorConfig } from './options.ts';
import { TOKENIZER_FILE } from './tokenizer.ts';
import { type EncodedVectors, writeIds } from './write-ids.ts';

/** What a caller may watch and stop. */
export interface VectorHooks {
  onStart?(info: { rows: number; dim: number; engine: string }): void;
  /** A part of the work begins, of so many rows or steps. */
  onPart?(name: 'rows' | 'steps', total: number): void;
  onDone?(done: number): void;
  onWarning?(message: string): void;
  readonly signal?: AbortSignal | undefined;
}

export type VectorResult<Finished> = ({ readonly status: 'finished' } & Finished) | { readonly status: 'interrupted' };

/** A finished training on vectors. */
export interface TrainedVectors {
  readonly folder: string;
  readonly config: VectorTrainConfig;
  readonly report: EncodedVectors;
}

/** Vectors of at most so many bytes are held, so that training reads them once. */
const HELD_BYTES = 2 ** 30;
/** Rows that lie together in the file and in a batch, where the vectors are not held. */
const ROWS_TOGETHER = 64;

/**
 * Trains a tokenizer of vectors and writes a run folder: `tokenizer.safetensors`, `ids.parquet` with the ids and keys of all rows, and `report.json` with
 * the use of each level, the error by depth and the collisions.
 *
 * @throws OptionError, DataError or CheckpointError naming what is wrong with the options or the file.
 * @example
 * const layout = { column: 'x', dtype: 'F32', count: 300, width: 4, keys: 'row numbers' } as const;
 * const values = new Float32Array(1200).map((_, i) => Math.sin(i * i));
 * await writeRows('rows.npy', layout, [{ values, keys: new BigInt64Array(300).map((_, i) => BigInt(i)) }]);
 * await trainVectors({ dataPath: 'rows.npy', quantizer: 'residual-vq', passes: 1, outDir: 'runs/items', engine: 'cpu' });
 * await encodeVectors('runs/items', 'rows.npy', { out: 'row-ids.parquet', unique: true, engine: 'cpu' });
 * await decodeVectors('runs/items', 'row-ids.parquet', { out: 'decoded.npy', engine: 'cpu' });
 */
export async function trainVectors(
  options: VectorTrainOptions,
  hooks: VectorHooks = {},
): Promise<VectorResult<TrainedVectors>> {
  const where = 'trainVectors';
  const config = vectorConfig(where, options);
  const { dataPath, column, keyColumn, arch, hidden, quantizer, quantizerOptions, seed, outDir } = config;
  const file = await openVectors(dataPath, { column, keyColumn });
  warnOfConversion(dataPath, file, hooks);
  await requireWritableFolder(where, outDir);
  const { engine } = await startEngine(config);
  const { count: rows, dim } = file;
  hooks.onStart?.({ rows, dim, engine });
  const tokenizer = createVectorTokenizer({
    quantizer,
    quantizerOptions: arch === 'none' ? { ...quantizerEntry(quantizer).fit, ...quantizerOptions } : quantizerOptions,
    features: dim,
    hidden: arch === 'mlp' ? hidden : [],
    seed,
  });
  try {
    const source = await held(file);
    if (arch === 'mlp') await trainNetwork(tokenizer, source, config, hooks);
    else await fit(tokenizer, source, config, hooks);
    await mkdir(outDir, { recursive: true });
    hooks.onPart?.('rows', rows);
    const { unique } = config;
    const watch = { onRows: hooks.onDone, signal: hooks.signal };
    const report = await writeIds(join(outDir, 'ids.parquet'), tokenizer, source, {
      unique,
      batchSize: 8192,
      ...watch,
    });
    await writeFileAtomic(join(outDir, TOKENIZER_FILE), await saveTokenizer(tokenizer));
    await writeFileAtomic(join(outDir, 'report.json'), `${JSON.stringify({ config, ...report }, null, 2)}\n`);
    return { status: 'finished', folder: outDir, config, report };
  } catch (error) {
    if (error instanceof Interrupted) return { status: 'interrupted' };
    throw error;
  } finally {
    tokenizer.dispose();
  }
}

/** Says what is converted, once. */
export function warnOfConversion(path: string, { dtype }: VectorSource, { onWarning }: VectorHooks): void {
  if (dtype !== 'F32') onWarning?.(`${path} holds ${dtype}, which is converted to float32`);
}

async function held(file: VectorSource): Promise<VectorSource> {
  if (file.count * file.dim * 4 > HELD_BYTES) return file;
  const { vectors, keys } = await file.read(0, file.count);
  return {
    ...file,
    read: async (from, to) => ({
      vectors: vectors.subarray(from * file.dim, to * file.dim),
      keys: keys.slice(from, to),
    }),
  };
}

async function fit(
  { quantizer }: VectorTokenizer,
  source: VectorSource,
  { sample, passes, seed }: VectorTrainConfig,
  { onPart, onDone, signal }: VectorHooks,
): Promise<void> {
  let announced = false;
  await fitQuantizer(quantizer, source, {
    sample,
    passes,
    seed,
    signal,
    onRows(done, rows) {
      if (!announced) onPart?.('rows', rows);
      announced = true;
      onDone?.(done);
    },
  });
}

async function trainNetwork(
  model: VectorTokenizer,
  source: VectorSource,
  { steps, batchSize, learningRate, seed }: VectorTrainConfig,
  { onPart, onDone, signal }: VectorHooks,
): Promise<void> {
  const { count, dim } = source;
  requireRowsForCodes('trainVectors', model.quantizer, count);
  const together = Math.min(batchSize, ROWS_TOGETHER);
  const order = createBatchOrder({
    count: Math.ceil(count / together),
    batchSize: Math.ceil(batchSize / together),
    seed,
  });
  const state = { model, optimizer: createAdamW({ variables: model.variables() }) };
  const options = {
    learningRate,
    warmupSteps: Math.min(100, Math.floor(steps / 10)),
    clipGradNorm: 1,
    loss: 'mse',
    clampOutput: false,
  } as const;
  const modality = { loss: (output: Tensor, x: Tensor): Scalar => mean(squaredDifference(output, x)) };
  onPart?.('steps', steps);
  for (let step = 0; step < steps; step++) {
    await letSignalsIn(signal);
    const parts: Float32Array[] = [];
    for (const part of order.at(step)) {
      parts.push((await source.read(part * together, Math.min(count, (part + 1) * together), signal)).vectors);
    }
    const rows = parts.reduce((sum, { length }) => sum + length / dim, 0);
    const batch = new Float32Array(rows * dim);
    let at = 0;
    for (const part of parts) {
      batch.set(part, at);
      at += part.length;
    }
    const x = tensor2d(batch, [rows, dim]);
    await trainStep(state, x, options, step, modality).finally(() => x.dispose());
    onDone?.(step + 1);
  }
}
