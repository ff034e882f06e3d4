import { leakyRelu, type Tensor } from '@tensorflow/tfjs-core';
import { createRng, requireInteger, requireKnownOptions } from '@vqkit/core-tensor';
import { createConv2d, createGroupNorm, createScope, type Module, requireChannels } from '@vqkit/nn';
import { buildDiscriminator, type Discriminator, LEAK } from './discriminator.ts';

export interface PatchDiscriminatorOptions {
  /** Of a picture. Default 3. */
  readonly channels?: number | undefined;
  /** Convolutions that halve the picture, 1 to 6: a score sees 16, 34 or 70 pixels of it with 1, 2 or 3. Default 3. */
  readonly layers?: number | undefined;
  /** Channels of the first convolution. Each further one doubles them, up to eight times. Default 64. */
  readonly filters?: number | undefined;
  /** Of the weights, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

const MOST_LAYERS = 6;
const MOST_GROWTH = 8;
const MOST_GROUPS = 32;
/** Of a group of the norms, where the channels allow it. */
const GROUP_CHANNELS = 4;

/**
 * PatchGAN, the discriminator of pix2pix and VQGAN: 4 × 4 convolutions that give one score for every patch of a picture. With 3 layers and 64 filters:
 *
 *     conv4 3→64 with stride 2, conv4 64→128 with stride 2, norm, conv4 128→256 with stride 2, norm, conv4 256→512, norm, conv4 512→1
 *
 * a leaky ReLU of slope 0.2 before every further convolution.
 *
 * Unlike there the norm is GroupNorm, by 4 channels a group, not BatchNorm: the statistics of a batch would differ between originals and reconstructions, and
 * their running means are not what a stopped run goes on from exactly. Weights start as PyTorch's convolutions do, not normal with σ = 0.02.
 *
 * State: `main.0.weight`, `main.0.bias`, `main.2.…`, in the places of the official code.
 *
 * - Shapes: pictures [batch, height, width, channels] → scores [batch, rows, columns, 1], with 3 layers rows = height / 8 - 2.
 * - Gradient: to pictures and weights.
 *
 * Source: Isola and others, "Image-to-Image Translation with Conditional Adversarial Networks", arXiv:1611.07004.
 * @throws OptionError when an option breaks its rule; ShapeError, from `judge`, for other channels or pictures that are too small.
 * @example
 * const discriminator = createPatchDiscriminator({ channels: 1, layers: 2, filters: 8 });
 * discriminator.judge(tf.zeros([2, 32, 32, 1])).scores[0].shape; // [2, 6, 6, 1]
 */
export function createPatchDiscriminator(options: PatchDiscriminatorOptions = {}): Discriminator {
  const where = 'createPatchDiscriminator';
  requireKnownOptions(where, options, ['channels', 'layers', 'filters', 'seed']);
  const { channels = 3, layers = 3, filters = 64, seed = 0 } = options;
  requireInteger(where, 'channels', channels, 1);
  requireInteger(where, 'layers', layers, 1, MOST_LAYERS);
  requireInteger(where, 'filters', filters, 1);
  requireInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  const scope = createScope(createRng(seed).fork('discriminator'));
  const main = scope.at('main');
  const width = (level: number): number => filters * Math.min(2 ** level, MOST_GROWTH);
  const conv = (place: number, inputs: number, outputs: number, stride: number): Module =>
    createConv2d(main.at(place), { inputs, outputs, kernel: 4, stride, padding: 1 });

  const blocks: Module[][] = [[conv(0, channels, filters, 2)]];
  for (let level = 1; level <= layers; level++) {
    const place = 3 * level - 1;
    const outputs = width(level);
    const norm = createGroupNorm(main.at(place + 1), { channels: outputs, groups: groupsOf(outputs) });
    blocks.push([conv(place, width(level - 1), outputs, level < layers ? 2 : 1), norm]);
  }
  const last = conv(3 * layers + 2, width(layers), 1, 1);
  return buildDiscriminator(where, scope, (pictures) => {
    requireChannels(`${where}().judge`, pictures.shape, 2, channels);
    const features: Tensor[] = [];
    let x = pictures;
    for (const modules of blocks) {
      for (const module of modules) x = module.apply(x);
      x = leakyRelu(x, LEAK);
      features.push(x);
    }
    return { scores: [last.apply(x)], features };
  });
}

/** How many convolutions that halve it a picture is large enough for: a score then sees no more than about the picture. 0 where it is too small for any. */
export function patchLayersFor(height: number, width: number): number {
  const side = Math.min(height, width);
  if (side < 6) return 0;
  return side >= 64 ? 3 : side >= 32 ? 2 : 1;
}

/** The most groups of 4 channels or more. */
function groupsOf(channels: number): number {
  const most = channels % GROUP_CHANNELS === 0 ? Math.min(MOST_GROUPS, channels / GROUP_CHANNELS) : 1;
  let groups = most;
  while (channels % groups !== 0) groups--;
  return groups;
}
