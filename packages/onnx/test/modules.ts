import { tensor, tidy } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import {
  type Activation,
  createActivation,
  createAttention,
  createConv1d,
  createConv2d,
  createConvTranspose1d,
  createConvTranspose2d,
  createGroupNorm,
  createLayerNorm,
  createLinearLayer,
  createMaxPool2d,
  createResidualUnit,
  createResnetBlock,
  createScope,
  createSnake,
  type Module,
  type Scope,
} from '@vqkit/nn';

/** A network of one module, and a shape that it takes. */
interface Example {
  readonly shape: readonly number[];
  make(scope: Scope): Module;
}

const ACTIVATIONS: Readonly<Record<Activation, true>> = { relu: true, gelu: true, silu: true, elu: true, tanh: true };

const images = [2, 6, 8, 4];
const sequence = [2, 12, 4];

/** Modules of @vqkit/nn in the forms that they have: every operation that they describe is among them. */
export const MODULES: Readonly<Record<string, Example>> = {
  conv2d: { shape: images, make: (at) => createConv2d(at, { inputs: 4, outputs: 6, kernel: 3 }) },
  'conv2d, even': { shape: images, make: (at) => createConv2d(at, { inputs: 4, outputs: 6, kernel: 4, bias: false }) },
  'conv2d, strided': {
    shape: images,
    make: (at) => createConv2d(at, { inputs: 4, outputs: 6, kernel: 3, stride: 2, padding: [0, 1] }),
  },
  'conv2d, upsampled': {
    shape: images,
    make: (at) => createConv2d(at, { inputs: 4, outputs: 6, kernel: 3, upsample: 2 }),
  },
  'conv1d, causal': {
    shape: sequence,
    make: (at) =>
      createConv1d(at, { inputs: 4, outputs: 6, kernel: 3, dilation: 3, padding: 'causal', weightNorm: true }),
  },
  'convTranspose1d, causal': {
    shape: sequence,
    make: (at) =>
      createConvTranspose1d(at, { inputs: 4, outputs: 6, kernel: 4, stride: 2, padding: 'causal', weightNorm: true }),
  },
  'convTranspose1d, longer': {
    shape: sequence,
    make: (at) =>
      createConvTranspose1d(at, { inputs: 4, outputs: 6, kernel: 5, stride: 3, padding: [1, 2], outputPadding: 1 }),
  },
  convTranspose2d: {
    shape: images,
    make: (at) => createConvTranspose2d(at, { inputs: 4, outputs: 6, kernel: 4, stride: 2, padding: 1 }),
  },
  'linear, vectors': { shape: [5, 4], make: (at) => createLinearLayer(at, { inputs: 4, outputs: 6 }) },
  'linear, images': { shape: images, make: (at) => createLinearLayer(at, { inputs: 4, outputs: 6, bias: false }) },
  groupNorm: { shape: images, make: (at) => createGroupNorm(at, { channels: 4, groups: 2 }) },
  'groupNorm, plain': { shape: sequence, make: (at) => createGroupNorm(at, { channels: 4, groups: 4, affine: false }) },
  layerNorm: { shape: sequence, make: (at) => createLayerNorm(at, { channels: 4 }) },
  'layerNorm, plain': { shape: [5, 4], make: (at) => createLayerNorm(at, { channels: 4, affine: false }) },
  maxPool2d: { shape: [2, 7, 8, 4], make: (at) => createMaxPool2d(at) },
  attention: { shape: images, make: (at) => createAttention(at, { channels: 4, groups: 2, heads: 2 }) },
  'attention, sequence': { shape: sequence, make: (at) => createAttention(at, { channels: 4, groups: 2, axes: 1 }) },
  snake: { shape: sequence, make: (at) => createSnake(at, { channels: 4 }) },
  residualUnit: { shape: sequence, make: (at) => createResidualUnit(at, { channels: 4, dilation: 3 }) },
  resnetBlock: { shape: images, make: (at) => createResnetBlock(at, { inputs: 4, outputs: 8, groups: 2 }) },
  ...Object.fromEntries(
    (Object.keys(ACTIVATIONS) as Activation[]).map((name) => [
      name,
      { shape: images, make: (at: Scope) => createActivation(at, name) },
    ]),
  ),
};

/** The module of an example, all its numbers random: a function of the name. */
export function makeModule(name: string): Module {
  const { make } = MODULES[name] as Example;
  const rng = createRng(0).fork(name);
  const module = make(createScope(rng).at('part'));
  tidy(() => {
    const random = Object.entries(module.stateDict()).map(([key, { shape, size }]) => {
      return [key, tensor(rng.uniformArray(size, 0.2, 1), shape)] as const;
    });
    module.loadStateDict(Object.fromEntries(random));
  });
  return module;
}
