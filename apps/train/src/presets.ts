import type { DataName } from '@vqkit/data/node';
import type { ImageConfig, ImageOptions, PresetName } from './train-options.ts';

/** A named set of options. It may look at the data: the reference recipe differs between data sets. */
export interface Preset {
  readonly description: string;
  options(data: DataName): ImageOptions;
}

type RecipeOptions =
  | 'widths'
  | 'loss'
  | 'clampOutput'
  | 'batchSize'
  | 'steps'
  | 'learningRate'
  | 'weightDecay'
  | 'betas'
  | 'eps'
  | 'warmupSteps'
  | 'clipGradNorm';

/**
 * The example recipe of the reference library (vector-quantize-pytorch): batch 256, 1,000 steps, AdamW 3e-4 with PyTorch's default
 * weight decay. The defaults of every run are this recipe on MNIST.
 */
export const RECIPE: Pick<ImageConfig, RecipeOptions> = {
  widths: [16, 32],
  loss: 'mse',
  clampOutput: false,
  batchSize: 256,
  steps: 1000,
  learningRate: 3e-4,
  weightDecay: 0.01,
  betas: [0.9, 0.999],
  eps: 1e-8,
  warmupSteps: 0,
  clipGradNorm: 0,
};

/**
 * On MNIST mean squared error without a clamp, because the L1 loss on a clamped output collapses to black there for some seeds; on
 * other data the reference's own L1 loss on the clamped output.
 */
function recipe(data: DataName): ImageOptions {
  return data === 'mnist' ? RECIPE : { ...RECIPE, loss: 'l1', clampOutput: true };
}

export const presets: Readonly<Record<Exclude<PresetName, 'speech'>, Preset>> & {
  readonly speech: Pick<Preset, 'description'>;
} = {
  recipe: { description: "The reference library's example recipe: 1,000 steps of batch 256.", options: recipe },
  start: {
    description: 'A first look within a minute or two: the recipe, 300 steps.',
    options: (data) => ({ ...recipe(data), steps: 300, validateEvery: 50 }),
  },
  speech: { description: 'Sound, --data audio: SimVQ as in its article, commitment weight 1000, 200 tokens a second.' },
};
