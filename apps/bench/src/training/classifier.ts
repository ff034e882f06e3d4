import {
  argMax,
  logSoftmax,
  maxPool,
  mul,
  neg,
  oneHot,
  reshape,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tensor1d,
  tensor4d,
  tidy,
  type Variable,
} from '@tensorflow/tfjs-core';
import { createRng, mean, ownedVariable, sum } from '@vqkit/core-tensor';
import type { Images } from '@vqkit/data';
import { convSame, createAdamW, createLinear, gelu } from '@vqkit/nn';
import { minimise, takeAllSteps } from '@vqkit/training';
import { byName } from './by-name.ts';
import { startTrainingEngine } from './train-tokens.ts';

/** A small network that tells digits apart, and whose features say how alike two sets of images are. */
export interface Classifier {
  /** Of images [count · height · width] in [-1, 1]. */
  apply(pixels: Float32Array): Promise<Classified>;
  dispose(): void;
}

interface Classified {
  /** [count · FEATURES], the last layer before the classes. */
  readonly features: Float32Array;
  /** The likeliest class of each image. */
  readonly classes: Int32Array;
}

export const FEATURES: number = 64;
const CLASSES = 10;
const WIDTHS = [16, 32] as const;
const BATCH = 128;
const LEARNING_RATE = 1e-3;
const CHUNK = 500;
const SEED = 1;

/**
 *     conv3 1→16, max pool, GELU, conv3 16→32, max pool, GELU, linear → 64, GELU (the features), linear → 10
 *
 * trained with cross-entropy and AdamW 1e-3 on batches of 128, drawn with replacement. Always from one seed: the same images and steps
 * give the same classifier, bit for bit, so that distances of different runs are of the same features.
 */
export async function trainClassifier(images: Images, labels: Uint8Array, steps: number): Promise<Classifier> {
  await startTrainingEngine();
  const { height, width } = images;
  const rng = createRng(SEED);
  const layers = createLayers(height, width);
  const variables = byName(layers.variables);
  const optimizer = createAdamW({ variables });
  const order = rng.fork('batches');
  await takeAllSteps({
    steps,
    batch() {
      const chosen = Int32Array.from({ length: BATCH }, () => order.integer(images.count));
      const classes = Int32Array.from(chosen, (at) => labels[at] as number);
      return tidy(() => ({
        pixels: tensor4d(images.batch(chosen), [BATCH, height, width, 1]),
        wanted: oneHot(tensor1d(classes, 'int32'), CLASSES),
      }));
    },
    take({ pixels, wanted }) {
      const objective = (): Scalar => crossEntropy(layers.classify(layers.features(pixels)), wanted);
      minimise({ variables, optimizer, learningRate: LEARNING_RATE }, objective).dispose();
    },
  });
  optimizer.dispose();
  return {
    async apply(pixels) {
      const size = height * width;
      const count = pixels.length / size;
      const features = new Float32Array(count * FEATURES);
      const classes = new Int32Array(count);
      for (let from = 0; from < count; from += CHUNK) {
        const some = Math.min(CHUNK, count - from);
        const part = pixels.subarray(from * size, (from + some) * size);
        const [found, likeliest] = tidy(() => {
          const inner = layers.features(tensor4d(part, [some, height, width, 1]));
          return [inner, argMax(layers.classify(inner), 1)];
        });
        features.set((await found.data()) as Float32Array, from * FEATURES);
        classes.set(await likeliest.data(), from);
        found.dispose();
        likeliest.dispose();
      }
      return { features, classes };
    },
    dispose() {
      for (const variable of layers.variables) variable.dispose();
    },
  };
}

interface Layers {
  readonly variables: Variable[];
  features(pixels: Tensor4D): Tensor2D;
  classify(features: Tensor2D): Tensor2D;
}

function createLayers(height: number, width: number): Layers {
  const rng = createRng(SEED).fork('weights');
  const convs = WIDTHS.map((outputs, i) => {
    const inputs = WIDTHS[i - 1] ?? 1;
    const bound = 1 / Math.sqrt(9 * inputs);
    const own = rng.fork(`conv${i}`);
    return {
      filter: ownedVariable(own.uniformArray(9 * inputs * outputs, -bound, bound), [3, 3, inputs, outputs], true),
      bias: ownedVariable(own.uniformArray(outputs, -bound, bound), [outputs], true),
    };
  });
  const flat = (height / 4) * (width / 4) * WIDTHS[1];
  const inner = createLinear({
    name: 'inner',
    inputDim: flat,
    outputDim: FEATURES,
    bias: true,
    rng: rng.fork('inner'),
  });
  const last = createLinear({
    name: 'last',
    inputDim: FEATURES,
    outputDim: CLASSES,
    bias: true,
    rng: rng.fork('last'),
  });
  return {
    variables: [
      ...convs.flatMap(({ filter, bias }) => [filter, bias]),
      ...[inner, last].flatMap(({ parameters }) => parameters.map(({ variable }) => variable)),
    ],
    features(pixels) {
      const shrunk = convs.reduce<Tensor4D>((x, { filter, bias }) => {
        const y = convSame(x, filter as unknown as Tensor4D, bias as unknown as Tensor1D);
        return gelu(maxPool(y, 2, 2, 'valid'));
      }, pixels);
      return gelu(inner.apply(reshape(shrunk, [-1, flat])));
    },
    classify: (features) => last.apply(features),
  };
}

function crossEntropy(scores: Tensor2D, wanted: Tensor): Scalar {
  return neg(mean(sum(mul(wanted, logSoftmax(scores)), 1)));
}
