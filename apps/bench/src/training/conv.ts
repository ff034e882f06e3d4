import { mul, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import type { Images } from '@vqkit/data';
import { createActivation, createConv2d, createLayerNorm, createMaxPool2d, createScope, type Module } from '@vqkit/nn';
import type { Examples, Trainable } from '@vqkit/training';
import { byName } from './by-name.ts';

/** A convolutional autoencoder of small grey pictures whose latents have a length that is set. */
interface ConvAutoencoder extends Trainable {
  dispose(): void;
}

const WIDTH = 16;

/**
 *     encoder   conv3 1→16, GELU, max pool, conv3 16→16, GELU, conv1 16→d, LayerNorm without weights of each token, times `scale`
 *     quantizer
 *     decoder   conv3 d→16, GELU, upsample, conv3 16→1
 *
 * with PyTorch's default initialisation. The rms of a latent is `scale`, whatever is trained.
 */
export function createConvAutoencoder(quantizer: Quantizer, scale: number, seed: number): ConvAutoencoder {
  const scope = createScope(createRng(seed).fork('weights'));
  const { dim } = quantizer;
  const [down, up] = [scope.at('encoder'), scope.at('decoder')];
  const encoder: Module[] = [
    createConv2d(down.at(0), { inputs: 1, outputs: WIDTH, kernel: 3 }),
    createActivation(down.at(1), 'gelu'),
    createMaxPool2d(down.at(2)),
    createConv2d(down.at(3), { inputs: WIDTH, outputs: WIDTH, kernel: 3 }),
    createActivation(down.at(4), 'gelu'),
    createConv2d(down.at(5), { inputs: WIDTH, outputs: dim, kernel: 1 }),
    createLayerNorm(down.at(6), { channels: dim, affine: false }),
  ];
  const decoder: Module[] = [
    createConv2d(up.at(0), { inputs: dim, outputs: WIDTH, kernel: 3 }),
    createActivation(up.at(1), 'gelu'),
    createConv2d(up.at(2), { inputs: WIDTH, outputs: 1, kernel: 3, upsample: 2 }),
  ];
  const run = (modules: readonly Module[], x: Tensor): Tensor => modules.reduce((y, module) => module.apply(y), x);
  const weights = scope.parameters().map(({ variable }) => variable);
  const variables = (): Record<string, Variable> => ({ ...byName(weights), ...quantizer.variables() });
  return {
    quantizer,
    variables,
    forward(pictures, { training, step }) {
      const latents = mul(run(encoder, pictures), scale);
      const { quantized, indices, loss, losses } = quantizer.quantize(latents, {
        training,
        ...(step === undefined ? {} : { step }),
      });
      return { latents, quantized, indices, output: run(decoder, quantized), loss, losses };
    },
    dispose() {
      quantizer.dispose();
      for (const variable of weights) variable.dispose();
    },
  };
}

/** Pictures that are in memory. */
export interface SmallPictures extends Examples {
  batch(positions: ArrayLike<number>): Float32Array;
}

/** The first pictures of a set, of half the height and width, each pixel the mean of four. */
export function halved(images: Images, count: number): SmallPictures {
  const [height, width] = [images.height / 2, images.width / 2];
  return {
    count,
    shape: [height, width, 1],
    batch(positions) {
      const pixels = images.batch(positions);
      const out = new Float32Array(pixels.length / 4);
      const across = images.width;
      for (let i = 0; i < out.length; i++) {
        const picture = Math.floor(i / (height * width));
        const row = Math.floor(i / width) % height;
        const at = (picture * images.height + 2 * row) * across + 2 * (i % width);
        const four = [at, at + 1, at + across, at + across + 1].map((place) => pixels[place] as number);
        out[i] = four.reduce((sum, pixel) => sum + pixel, 0) / 4;
      }
      return out;
    },
  };
}
