import {
  add,
  clone,
  keep,
  mean,
  type Scalar,
  square,
  stack,
  sub,
  type Tensor,
  tensor2d,
  transpose,
} from '@tensorflow/tfjs-core';
import type { SafeTensor } from '@vqkit/checkpoint';
import { writeSafetensors } from '@vqkit/checkpoint/node';
import { createRng } from '@vqkit/core-tensor';
import { createAdamW } from '@vqkit/nn';
import { createSimVq } from '@vqkit/simvq';
import { lossAndGradients, takeAllSteps } from '@vqkit/training';
import { gaussianStream } from '../data/source.ts';
import { takeTensor } from '../take-tensor.ts';
import { createTokenAutoencoder, type TokenAutoencoder } from '../training/model.ts';
import { startTrainingEngine } from '../training/train-tokens.ts';
import type { Setup, Traced } from './setups.ts';

/** What all trainings share. */
interface Sizes {
  readonly dim: number;
  readonly hidden: number;
  readonly codebookSize: number;
  readonly vectors: number;
}

const INPUTS = 32;

function createModel(
  { dim, hidden, codebookSize }: Omit<Sizes, 'vectors'>,
  { rotation, both, weight }: Pick<Setup, 'rotation' | 'both' | 'weight'>,
  seed: number,
): TokenAutoencoder {
  const quantizer = createSimVq({
    dim,
    codebookSize,
    rotationTrick: rotation,
    commitmentWeight: weight,
    inputToQuantizeCommitLossWeight: both ? 0.25 : 0,
    codebookTransform: { hidden: [2 * dim], activation: 'relu' },
    seed,
  });
  return createTokenAutoencoder({ inputDim: INPUTS, hidden, quantizer, latentNorm: false, latentScale: 1, seed });
}

/** The vectors of all steps: a batch takes the next ones, from the start again after the last. */
function vectorsOf({ vectors }: Sizes, seed: number): Float32Array {
  return gaussianStream({ dim: INPUTS, factors: 8 }).draw(vectors, createRng(seed).fork('vectors'));
}

/** Writes the initial weights, under PyTorch's names and in its layout, and the vectors. Gives the path. */
export async function writeStart(path: string, sizes: Sizes, seed: number): Promise<string> {
  await startTrainingEngine();
  const model = createModel(sizes, { rotation: true, both: true, weight: 1 }, seed);
  const tensors: Record<string, SafeTensor> = {
    vectors: { dtype: 'F32', shape: [sizes.vectors, INPUTS], data: vectorsOf(sizes, seed) },
  };
  const put = async (name: string, value: Tensor): Promise<void> => {
    tensors[name] = await takeTensor(value);
  };
  for (const part of ['encoder', 'decoder'] as const) {
    for (const [i, variable] of model.parts[part].entries()) {
      const layer = `${part}.${1 + (i >> 1)}`;
      if (i % 2 === 0) await put(`${layer}.weight`, transpose(variable));
      else await put(`${layer}.bias`, clone(variable));
    }
  }
  for (const [name, value] of Object.entries(model.quantizer.stateDict())) await put(`quantizer.${name}`, value);
  model.dispose();
  await writeSafetensors(path, tensors);
  return path;
}

/** Trains vqkit's SimVQ as peers/simvq_versions.py trains those of the releases. */
export async function trainOwn(
  sizes: Sizes & { readonly batch: number; readonly steps: number },
  setup: Setup,
  seed: number,
): Promise<Traced> {
  await startTrainingEngine();
  const { batch, steps } = sizes;
  const model = createModel(sizes, setup, seed);
  const optimizer = createAdamW({ variables: model.variables() });
  const vectors = vectorsOf(sizes, seed);
  const error: number[] = [];
  const reconstruction: number[] = [];
  await takeAllSteps({
    steps,
    batch: (step) => {
      const first = (step * batch * INPUTS) % vectors.length;
      return tensor2d(vectors.slice(first, first + batch * INPUTS), [batch, INPUTS]);
    },
    async take(examples, step) {
      const kept: Tensor[] = [];
      const { loss, gradients } = lossAndGradients(model.variables(), () => {
        const { latents, quantized, output, loss: own } = model.forward(examples, { training: true, step });
        const squares = mean(square(sub(output, examples))) as Scalar;
        kept.push(keep(stack([mean(square(sub(latents, quantized))), squares])));
        return add(squares, own) as Scalar;
      });
      const [stacked] = kept as [Tensor];
      const [distance, squares] = await stacked.data();
      error.push(distance as number);
      reconstruction.push(squares as number);
      optimizer.step(gradients, 1e-3);
      for (const used of [loss, stacked, ...Object.values(gradients)]) used.dispose();
    },
  });
  optimizer.dispose();
  model.dispose();
  return { error, reconstruction };
}
