import { type ImageSize, sidesOf, sizeOf } from '@vqkit/data';
import { arePictures, type DataName, DEFAULT_FOLDER_SIZE } from '@vqkit/data/node';
import type { QuantizerName } from '@vqkit/quantizers';
import type { ImageConfig, ImageOptions, PresetName } from './train-options.ts';

/** A named set of options. It may look at the data: the reference recipe differs between data sets. */
export interface Preset {
  readonly description: string;
  /** Of images. */
  options?(data: DataName, given: Pick<ImageOptions, 'imageSize' | 'quantizer'>): ImageOptions;
  /** Steps where they follow the number of training pictures. */
  stepsFor?(trainExamples: number): number;
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

/** Where other options than the reference's own are better. */
const OWN_RECIPES: Partial<Record<DataName, ImageOptions>> = { mnist: RECIPE };

/**
 * On MNIST mean squared error without a clamp, because the L1 loss on a clamped output collapses to black there for some seeds; on
 * other data the reference's own L1 loss on the clamped output.
 */
function recipe(data: DataName): ImageOptions {
  return { ...RECIPE, loss: 'l1', clampOutput: true, ...OWN_RECIPES[data] };
}

/** 1,000 codes, 10 bits a token; of another quantizer the recipe's. */
const PHOTO_CODES: Partial<Record<QuantizerName, ImageOptions['quantizerOptions']>> = { fsq: { levels: [8, 5, 5, 5] } };

/** A quarter more than the image size: the pictures that random parts are cut from. */
export function largerThan(size: ImageSize): ImageSize {
  const [height, width] = sidesOf(size).map((side) => Math.ceil((5 * side) / 4)) as [number, number];
  return sizeOf([height, width]);
}

/**
 * Pictures worth looking at: residual blocks, 2,560 bits per 64 × 64 picture, random parts and mirror images, the learning rate on a cosine.
 */
function photos(
  data: DataName,
  { imageSize = DEFAULT_FOLDER_SIZE, quantizer = 'fsq' }: Pick<ImageOptions, 'imageSize' | 'quantizer'>,
): ImageOptions {
  return {
    arch: 'resnet',
    widths: [32, 64],
    blocks: 1,
    quantizer,
    quantizerOptions: PHOTO_CODES[quantizer] ?? {},
    ...(arePictures(data) ? { imageSize, cropFrom: largerThan(imageSize) } : {}),
    flip: true,
    loss: 'l1+mse',
    clampOutput: false,
    batchSize: 16,
    steps: 0,
    learningRate: 1e-3,
    schedule: 'cosine',
    clipGradNorm: 1,
  };
}

/** Steps grow with the root of the number of pictures: 2,200 for 240, which take 20 minutes on two cores, 14,200 for 10,000. */
function photoSteps(trainExamples: number): number {
  return Math.min(20_000, Math.max(300, 100 * Math.round(1.42 * Math.sqrt(trainExamples))));
}

export const presets: Readonly<Record<PresetName, Preset>> = {
  recipe: { description: "The reference library's example recipe: 1,000 steps of batch 256.", options: recipe },
  start: {
    description: 'A first look within a minute or two: the recipe, 300 steps.',
    options: (data) => ({ ...recipe(data), steps: 300, validateEvery: 50 }),
  },
  photos: {
    description: 'Pictures worth looking at: residual blocks, for as long as the number of pictures asks for.',
    options: photos,
    stepsFor: photoSteps,
  },
  speech: {
    description: 'Sound, --data audio: residual FSQ, 200 tokens of 40 bits a second, or --quantizer simvq.',
  },
};
