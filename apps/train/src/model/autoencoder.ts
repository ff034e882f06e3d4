import { type Scalar, type Tensor, type Tensor4D, tidy, type Variable } from '@tensorflow/tfjs-core';
import { createRng, gelu, groupNorm, OptionError, type Quantizer, ShapeError, show } from '@vqkit/core-tensor';
import type { TrainConfig } from '../config.ts';
import { type Conv2d, createConv2d, maxPool2, type Weight } from './layers.ts';
import { createQuantizerFor } from './quantizer.ts';

/** What one pass through the autoencoder gives. The caller disposes the tensors (or runs inside `tf.tidy`). */
export interface AutoencoderResult {
  /** What the quantizer was given: [batch, height/2^w, width/2^w, dim]. */
  readonly latents: Tensor4D;
  /** The codes, shape of the latents. */
  readonly quantized: Tensor4D;
  readonly indices: Tensor;
  /** The images as rebuilt from the codes, not clamped. */
  readonly output: Tensor4D;
  /** The quantizer's weighted loss and its named parts; 0 unless training. */
  readonly loss: Scalar;
  readonly losses: Readonly<Record<string, Scalar>>;
}

/** A convolutional autoencoder around a quantizer. Images are [batch, height, width, channels] in [-1, 1]. */
export interface Autoencoder {
  readonly quantizer: Quantizer;
  forward(images: Tensor4D, options: { training: boolean; step?: number }): AutoencoderResult;
  /** Images → int32 indices, one token (or one per codebook) for each 2^w × 2^w pixels. */
  encode(images: Tensor4D): Tensor;
  /** Indices → images, not clamped. */
  decode(indices: Tensor): Tensor4D;
  /** Everything that the optimizer trains, by state-dict name. */
  variables(): Record<string, Variable>;
  /** Copies of all parameters in PyTorch's layouts: `encoder.conv1.weight` … `quantizer.*`. The caller disposes them. */
  stateDict(): Record<string, Tensor>;
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  dispose(): void;
}

const QUANTIZER = 'quantizer.';

/**
 * The autoencoder of the reference library's examples, for any number of halvings. With widths [16, 32] and one channel:
 *
 *     encoder   conv3 1→16, max pool, GELU, conv3 16→32, max pool
 *     to code   LFQ: GroupNorm(4), conv1 32→dim      FSQ: conv1 32→dim      SimVQ, VQ of dim 32: nothing
 *     quantizer
 *     from code LFQ, FSQ: conv3 dim→32
 *     decoder   upsample, conv3 32→16, GELU, upsample, conv3 16→1
 *
 * @throws OptionError when an option of the model or of the quantizer breaks its rule.
 */
export function createAutoencoder(config: TrainConfig, channels: number): Autoencoder {
  const { widths, seed, quantizer: method } = config;
  const rng = createRng(seed).fork('weights');
  const top = widths.at(-1) as number;
  const groups = config.normGroups ?? (method.endsWith('lfq') ? 4 : 0);
  if (groups > 0 && top % groups !== 0) {
    throw new OptionError(
      `createAutoencoder: normGroups must divide the last of widths, ${top}, got ${groups}. Use for example ${top % 4 === 0 ? 4 : 1}.`,
    );
  }
  const quantizer = createQuantizerFor(config, top);
  const projects = method.endsWith('lfq') || method.endsWith('fsq') || quantizer.dim !== top;
  const conv = (name: string, inputs: number, outputs: number, kernel: number, upsample: 1 | 2 = 1): Conv2d =>
    createConv2d({ name, inputs, outputs, kernel, upsample, rng });

  const encoder = widths.map((width, i) => conv(`encoder.conv${i + 1}`, widths[i - 1] ?? channels, width, 3));
  const toCode = projects ? conv('to_code', top, quantizer.dim, 1) : undefined;
  const fromCode = projects ? conv('from_code', quantizer.dim, top, 3) : undefined;
  const decoder = widths
    .map((width, i) => conv(`decoder.conv${widths.length - i}`, width, widths[i - 1] ?? channels, 3, 2))
    .reverse();
  const layers = [...encoder, toCode, fromCode, ...decoder].filter((layer) => layer !== undefined);
  const weights: Weight[] = layers.flatMap((layer) => layer.weights);

  const toLatents = (images: Tensor4D): Tensor4D => {
    const encoded = encoder.reduce((x, layer, i) => maxPool2(layer.apply(i === 0 ? x : gelu(x))), images);
    const normed = groups > 0 ? groupNorm(encoded, groups) : encoded;
    return toCode?.apply(normed) ?? normed;
  };
  const fromCodes = (codes: Tensor4D): Tensor4D => {
    const decoded = fromCode?.apply(codes) ?? codes;
    return decoder.reduce((x, layer, i) => layer.apply(i === 0 ? x : gelu(x)), decoded);
  };

  return {
    quantizer,

    forward(images, { training, step }) {
      const latents = toLatents(images);
      const { quantized, indices, loss, losses } = quantizer.quantize(latents, { training, step });
      const codes = quantized as Tensor4D;
      return { latents, quantized: codes, indices, output: fromCodes(codes), loss, losses };
    },
    encode: (images) => tidy(() => quantizer.encode(toLatents(images))),
    decode: (indices) => tidy(() => fromCodes(quantizer.decode(indices) as Tensor4D)),

    variables: () => ({
      ...Object.fromEntries(weights.map(({ name, variable }) => [name, variable])),
      ...Object.fromEntries(Object.entries(quantizer.variables()).map(([name, v]) => [QUANTIZER + name, v])),
    }),
    stateDict: () => ({
      ...Object.fromEntries(weights.map(({ name, variable, toTorch }) => [name, tidy(() => toTorch(variable))])),
      ...Object.fromEntries(Object.entries(quantizer.stateDict()).map(([name, v]) => [QUANTIZER + name, v])),
    }),
    loadStateDict(tensors) {
      const own = Object.keys(tensors).filter((name) => !name.startsWith(QUANTIZER));
      requireSameNames(
        own,
        weights.map(({ name }) => name),
      );
      for (const { name, variable, toTorch } of weights) {
        const expected = tidy(() => toTorch(variable).shape);
        const given = (tensors[name] as Tensor).shape;
        if (show(expected) !== show(given)) {
          throw new ShapeError(
            `loadStateDict: '${name}' must have shape ${show(expected)}, got ${show(given)}. Load the state of a model of the same configuration.`,
          );
        }
      }
      const inner = Object.entries(tensors).filter(([name]) => name.startsWith(QUANTIZER));
      quantizer.loadStateDict(Object.fromEntries(inner.map(([name, value]) => [name.slice(QUANTIZER.length), value])));
      tidy(() => {
        for (const { name, variable, fromTorch } of weights) variable.assign(fromTorch(tensors[name] as Tensor));
      });
    },
    dispose() {
      quantizer.dispose();
      for (const { variable } of weights) variable.dispose();
    },
  };
}

function requireSameNames(given: readonly string[], expected: readonly string[]): void {
  const unknown = given.filter((name) => !expected.includes(name));
  const missing = expected.filter((name) => !given.includes(name));
  if (unknown.length === 0 && missing.length === 0) return;
  throw new OptionError(
    `loadStateDict: tensors must have exactly the model's weights; missing ${show(missing)}, unknown ${show(unknown)}. Load the state of a model of the same configuration.`,
  );
}
