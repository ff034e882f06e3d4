import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { CheckpointError, type SafeTensor } from '@vqkit/checkpoint';
import { readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { type RngState, show } from '@vqkit/core-tensor';
import { createConfig, type TrainConfig, type TrainOptions } from './config.ts';
import { DivergenceError } from './errors.ts';
import { type Autoencoder, createAutoencoder } from './model/autoencoder.ts';
import type { AdamW } from './optimizer/adamw.ts';

const FORMAT = 'vqkit-train-1';
const MODEL = 'model.';
const OPTIMIZER = 'optimizer.';

/** What training changes and what a checkpoint holds, beside the number of steps done. */
export interface TrainingState {
  readonly model: Autoencoder;
  readonly optimizer: AdamW;
}

/** Metadata from which {@link loadAutoencoder} builds the model again; not what does not decide it, such as the run folder. */
export function modelNotes(config: TrainConfig, channels: number): Record<string, string> {
  const { quantizer, quantizerOptions, widths, normGroups, seed } = config;
  return { model: JSON.stringify({ quantizer, quantizerOptions, widths, normGroups, channels, seed }) };
}

/**
 * Builds the autoencoder of a checkpoint and reads its weights. Start an engine first, dispose the model at the end.
 *
 * @throws CheckpointError when the file is missing, damaged or not a checkpoint of a run.
 */
export async function loadAutoencoder(path: string): Promise<Autoencoder> {
  const { metadata } = await readSafetensors(path);
  let options: TrainOptions;
  try {
    options = JSON.parse(metadata.model ?? '') as TrainOptions;
  } catch {
    throw new CheckpointError(
      `loadAutoencoder: ${path} must be a checkpoint of vqkit train, got no description of the model. Pass a file of a run's checkpoints folder.`,
    );
  }
  const model = createAutoencoder(createConfig(options, `loadAutoencoder: ${path}`), options.channels ?? 1);
  await readCheckpoint(path, { model });
  return model;
}

/**
 * Writes a checkpoint: the weights under `model.` in PyTorch's layouts, the optimizer's moments under `optimizer.` in the layout
 * they have in memory; in the metadata the steps done (which say the place in the data: see createBatchOrder) and the state of
 * the quantizer's random generator. Equal states give equal bytes.
 *
 * @param notes further metadata, such as the configuration.
 * @throws DivergenceError when a tensor is not finite; nothing is written then.
 */
export async function writeCheckpoint(
  path: string,
  state: TrainingState,
  step: number,
  notes: Readonly<Record<string, string>>,
): Promise<void> {
  const { model, optimizer } = state;
  const tensors: Record<string, SafeTensor> = {};
  for (const [name, value] of Object.entries(model.stateDict())) {
    tensors[MODEL + name] = await finiteTensor(`weight ${name}`, value, step);
    value.dispose();
  }
  for (const [name, value] of Object.entries(optimizer.state())) {
    tensors[OPTIMIZER + name] = await finiteTensor(`optimizer moment ${name}`, value, step);
  }
  await writeSafetensors(path, tensors, {
    ...notes,
    format: FORMAT,
    step: String(step),
    quantizerRng: JSON.stringify(model.quantizer.rng.state()),
  });
}

/**
 * Reads a checkpoint into a model and an optimizer of the same configuration and returns the steps done. With no optimizer, only
 * the weights are read.
 *
 * @throws CheckpointError when the file is missing, damaged or not a checkpoint of a run; OptionError or ShapeError when it
 * belongs to another configuration.
 */
export async function readCheckpoint(
  path: string,
  state: { model: Autoencoder; optimizer?: AdamW | undefined },
): Promise<number> {
  const { tensors, metadata } = await readSafetensors(path);
  const step = Number(metadata.step);
  if (metadata.format !== FORMAT || !Number.isSafeInteger(step) || step < 0) {
    throw new CheckpointError(
      `readCheckpoint: ${path} must be a checkpoint of vqkit train (format '${FORMAT}'), got format ${show(metadata.format)}, step ${show(metadata.step)}. Pass a file of a run's checkpoints folder.`,
    );
  }
  const part = (prefix: string): Record<string, Tensor> => {
    const chosen = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
    return Object.fromEntries(chosen.map(([name, value]) => [name.slice(prefix.length), toTensor(path, name, value)]));
  };
  const { model, optimizer } = state;
  const weights = part(MODEL);
  const moments = optimizer === undefined ? {} : part(OPTIMIZER);
  try {
    model.loadStateDict(weights);
    optimizer?.restore(moments, step);
    model.quantizer.rng.restore(JSON.parse(metadata.quantizerRng ?? 'null') as RngState);
  } finally {
    for (const value of [...Object.values(weights), ...Object.values(moments)]) value.dispose();
  }
  return step;
}

async function finiteTensor(name: string, value: Tensor, step: number): Promise<SafeTensor> {
  const { shape } = value;
  const data = await value.data();
  if (data instanceof Int32Array) return { dtype: 'I32', shape, data };
  if (data instanceof Uint8Array) return { dtype: 'BOOL', shape, data };
  const bad = data.findIndex((element) => !Number.isFinite(element));
  if (bad >= 0) {
    throw new DivergenceError(`writeCheckpoint: ${name} must be finite, got ${data[bad]}.`, name, step);
  }
  return { dtype: 'F32', shape, data: data as Float32Array };
}

function toTensor(path: string, name: string, { dtype, shape, data }: SafeTensor): Tensor {
  if (dtype === 'F32') return tensor(data, [...shape], 'float32');
  if (dtype === 'I32') return tensor(data, [...shape], 'int32');
  if (dtype === 'BOOL') return tensor(data, [...shape], 'bool');
  throw new CheckpointError(
    `readCheckpoint: ${path}: tensor '${name}' must be F32, I32 or BOOL, got ${dtype}. Convert it.`,
  );
}
