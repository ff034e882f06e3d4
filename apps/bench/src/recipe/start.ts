import type { SafeTensor } from '@vqkit/checkpoint';
import { writeSafetensors } from '@vqkit/checkpoint/node';
import { createBatchOrder } from '@vqkit/data';
import { createImageTokenizer } from '@vqkit/tokenizer';
import { createConfig, type ImageConfig } from '@vqkit/train';
import { takeTensor } from '../take-tensor.ts';
import { startTrainingEngine } from '../training/train-tokens.ts';
import type { WorkerSettings } from './settings.ts';

/** The configuration of a training by vqkit. */
export function recipeConfig(
  { quantizer, loss, seed, steps, engine, threads, dataPath }: WorkerSettings,
  outDir: string,
): ImageConfig {
  return createConfig({
    preset: 'recipe',
    data: 'idx',
    dataPath,
    validationSize: 0,
    quantizer,
    loss,
    clampOutput: loss === 'l1',
    seed,
    steps,
    logEvery: steps,
    checkpointEvery: steps,
    engine,
    ...(engine === 'wasm' ? { threads } : {}),
    outDir,
  });
}

/**
 * Writes what a training begins with, for PyTorch to begin with the same: the initial weights, and which images each step has. Gives the path. `reversed`: the images of each
 * step the other way round, which changes nothing but the order of additions.
 */
export async function writeStart(
  path: string,
  settings: WorkerSettings,
  images: number,
  reversed = false,
): Promise<string> {
  await startTrainingEngine();
  const { quantizer, quantizerOptions, widths, normGroups, seed, batchSize, steps } = recipeConfig(settings, path);
  const tokenizer = createImageTokenizer({
    quantizer,
    quantizerOptions,
    widths,
    ...(normGroups === undefined ? {} : { normGroups }),
    channels: 1,
    imageSize: [28, 28],
    seed,
  });
  const order = createBatchOrder({ count: images, batchSize, seed });
  const batches = Array.from({ length: steps }, (_, step) => (reversed ? order.at(step).toReversed() : order.at(step)));
  const ends = Int32Array.from(batches, (_, step) =>
    batches.slice(0, step + 1).reduce((sum, { length }) => sum + length, 0),
  );
  const tensors: Record<string, SafeTensor> = {
    order: { dtype: 'I32', shape: [ends.at(-1) ?? 0], data: Int32Array.from(batches.flatMap((batch) => [...batch])) },
    ends: { dtype: 'I32', shape: [steps], data: ends },
  };
  for (const [name, value] of Object.entries(tokenizer.stateDict())) {
    tensors[name] = await takeTensor(value);
  }
  tokenizer.dispose();
  await writeSafetensors(path, tensors);
  return path;
}
