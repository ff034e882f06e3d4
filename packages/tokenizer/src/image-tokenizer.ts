import {
  add,
  clipByValue,
  mul,
  type Scalar,
  type Tensor,
  type Tensor4D,
  tidy,
  util,
  type Variable,
  zeros,
} from '@tensorflow/tfjs-core';
import {
  createRng,
  DisposedError,
  DtypeError,
  OptionError,
  type Quantizer,
  requireOption,
  requireTensor,
  ShapeError,
  show,
} from '@vqkit/core-tensor';
import { gelu, groupNorm } from '@vqkit/nn';
import { quantizerEntry } from '@vqkit/quantizers';
import { requireIds, requireImages, requireMultiple } from './check.ts';
import { checkConfig, type ImageTokenizerConfig, type ImageTokenizerOptions, resolveOptions } from './config.ts';
import { type Conv2d, createConv2d, maxPool2, type Weight } from './layers.ts';

/** What one pass through the whole tokenizer gives. The caller disposes the tensors (or runs inside `tf.tidy`). */
export interface ImageTokenizerResult {
  /** What the quantizer was given: [batch, height / m, width / m, dim], m = imageMultiple. */
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

/**
 * Images to token ids and back: a convolutional encoder, a quantizer and a decoder. Images are float32
 * [batch, height, width, channels] in [-1, 1], of any height and width that are multiples of `imageMultiple`.
 *
 * Every method but `dispose` throws DisposedError after `dispose()`; OptionError, DtypeError or ShapeError for bad arguments.
 */
export interface ImageTokenizer {
  /** The whole description, every default filled in, the quantizer's own too: plain data. See {@link recreateImageTokenizer}. */
  readonly config: ImageTokenizerConfig;
  readonly quantizer: Quantizer;
  /** Ids are in [0, codebookSize). */
  readonly codebookSize: number;
  /** Ids per token: 1, or the layers of a stack. */
  readonly numCodebooks: number;
  /** Pixels of a token's side, 2^(number of widths); heights and widths of images are multiples of it. */
  readonly imageMultiple: number;
  /** log₂ of the number of different tokens: numCodebooks · log₂(codebookSize). */
  readonly bitsPerToken: number;
  /** Shape of the ids of one image: [rows, columns], and numCodebooks where a token has several ids. */
  tokenShape(height: number, width: number): number[];
  /** rows · columns: (height / imageMultiple) · (width / imageMultiple). */
  tokensPerImage(height: number, width: number): number;
  /** Images → int32 ids, [batch, …tokenShape]. A constant to the gradient tape. No images at all is fine. */
  encode(images: Tensor4D): Tensor;
  /**
   * Ids → images, clamped to [-1, 1]. A token of nothing but -1 is one without a code; any other id out of range gives NaN in all pixels
   * that its code would reach, never a wrong picture (check with {@link assertTokens}).
   */
  decode(ids: Tensor): Tensor4D;
  /** The whole pass, with gradients, as training needs it. `training` turns on the losses and whatever noise an option asks for. */
  forward(images: Tensor4D, options?: { training?: boolean; step?: number }): ImageTokenizerResult;
  /** Everything that an optimizer trains, by state-dict name. */
  variables(): Record<string, Variable>;
  /** Copies of all parameters in PyTorch's layouts: `encoder.conv1.weight` … `quantizer.*`. The caller disposes them. */
  stateDict(): Record<string, Tensor>;
  /** Copies values in. Names, shapes and dtypes must match exactly; nothing is changed when they do not. */
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  /** Frees the weights; a second `dispose` does nothing. */
  dispose(): void;
}

const QUANTIZER = 'quantizer.';
const SAME = 'Load the state of a tokenizer of the same configuration.';

/**
 * A new image tokenizer: the autoencoder of the reference library's examples, for any number of halvings. With widths [16, 32] and
 * one channel:
 *
 *     encoder   conv3 1→16, max pool, GELU, conv3 16→32, max pool
 *     to code   LFQ: GroupNorm(4), conv1 32→dim      FSQ: conv1 32→dim      SimVQ, VQ of dim 32: nothing
 *     quantizer
 *     from code LFQ, FSQ: conv3 dim→32
 *     decoder   upsample, conv3 32→16, GELU, upsample, conv3 16→1
 *
 * Its weights are random, a function of the seed. Start an engine first.
 *
 * @throws OptionError when an option of the tokenizer or of the quantizer breaks its rule.
 * @example
 * const tokenizer = createImageTokenizer({ quantizer: 'fsq', quantizerOptions: { levels: [8, 5, 5] }, channels: 3 });
 * const ids = tokenizer.encode(tf.zeros([1, 32, 32, 3])); // [1, 8, 8]
 */
export function createImageTokenizer(options: ImageTokenizerOptions): ImageTokenizer {
  const maker = 'createImageTokenizer';
  return build(maker, resolveOptions(maker, options));
}

/**
 * A new tokenizer of the same description as another, its `config`. The recipe of the quantizer is not asked, so that what a file or a
 * run says holds for good, whatever a later version's recipe is.
 *
 * @param maker the function that was called, for errors.
 * @throws OptionError when the description is not whole or breaks a rule.
 * @example
 * const tokenizer = createImageTokenizer({ quantizer: 'fsq' });
 * const twin = recreateImageTokenizer(JSON.parse(JSON.stringify(tokenizer.config)));
 */
export function recreateImageTokenizer(config: ImageTokenizerConfig, maker = 'recreateImageTokenizer'): ImageTokenizer {
  checkConfig(maker, config);
  return build(maker, config);
}

function build(maker: string, described: ImageTokenizerConfig): ImageTokenizer {
  const { widths, normGroups, channels, imageSize, seed, quantizer: name } = described;
  const top = widths.at(-1) as number;
  const rng = createRng(seed).fork('weights');
  const { create, ownWidth } = quantizerEntry(name);
  const quantizer = create(described.quantizerOptions);
  // With the constructor's defaults, for a later version may have others; in one order, so that equal tokenizers give equal files.
  const quantizerOptions = quantizer.config as Readonly<Record<string, unknown>>;
  const size = imageSize === undefined ? {} : { imageSize };
  const config: ImageTokenizerConfig = {
    quantizer: name,
    quantizerOptions,
    widths,
    normGroups,
    channels,
    ...size,
    seed,
  };
  const conv = (layer: string, inputs: number, outputs: number, kernel: number, upsample: 1 | 2 = 1): Conv2d =>
    createConv2d({ name: layer, inputs, outputs, kernel, upsample, rng });

  const projects = ownWidth || quantizer.dim !== top;
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
    const normed = normGroups > 0 ? groupNorm(encoded, normGroups) : encoded;
    return toCode?.apply(normed) ?? normed;
  };
  const fromCodes = (codes: Tensor4D): Tensor4D => {
    const decoded = fromCode?.apply(codes) ?? codes;
    return decoder.reduce((x, layer, i) => layer.apply(i === 0 ? x : gelu(x)), decoded);
  };

  const { codebookSize, numCodebooks } = quantizer;
  const imageMultiple = 2 ** widths.length;
  const idAxes = tidy(() => quantizer.encode(zeros([0, quantizer.dim])).shape.slice(1));
  let disposed = false;
  const alive = (call: string): string => {
    const method = `${maker}().${call}`;
    if (disposed)
      throw new DisposedError(`${method}: the tokenizer must not be disposed, got a disposed one. Create a new one.`);
    for (const { variable } of weights) requireTensor(method, 'the weights', variable);
    return method;
  };
  const grid = (call: string, height: number, width: number): [rows: number, columns: number] => {
    requireMultiple(`${maker}().${call}`, 'height', height, imageMultiple);
    requireMultiple(`${maker}().${call}`, 'width', width, imageMultiple);
    return [height / imageMultiple, width / imageMultiple];
  };

  return {
    config,
    quantizer,
    codebookSize,
    numCodebooks,
    imageMultiple,
    bitsPerToken: numCodebooks * Math.log2(codebookSize),
    tokenShape: (height, width) => [...grid('tokenShape', height, width), ...idAxes],
    tokensPerImage(height, width) {
      const [rows, columns] = grid('tokensPerImage', height, width);
      return rows * columns;
    },

    encode(images) {
      requireImages(alive('encode'), images, channels, imageMultiple);
      const [batch, height, width] = images.shape;
      if (batch === 0) return zeros([0, height / imageMultiple, width / imageMultiple, ...idAxes], 'int32');
      return tidy(() => quantizer.encode(toLatents(images)));
    },
    decode(ids) {
      requireIds(alive('decode'), ids, idAxes);
      const [batch = 0, rows = 0, columns = 0] = ids.shape;
      if (batch === 0) return zeros([0, rows * imageMultiple, columns * imageMultiple, channels]);
      return tidy(() => clamp(fromCodes(quantizer.decode(ids) as Tensor4D)));
    },
    forward(images, { training = false, step } = {}) {
      requireImages(alive('forward'), images, channels, imageMultiple);
      return tidy(() => {
        const latents = toLatents(images);
        const { quantized, indices, loss, losses } = quantizer.quantize(latents, { training, step });
        const codes = quantized as Tensor4D;
        return { latents, quantized: codes, indices, output: fromCodes(codes), loss, losses };
      });
    },

    variables() {
      alive('variables');
      return {
        ...Object.fromEntries(weights.map(({ name, variable }) => [name, variable])),
        ...Object.fromEntries(Object.entries(quantizer.variables()).map(([key, value]) => [QUANTIZER + key, value])),
      };
    },
    stateDict() {
      alive('stateDict');
      return {
        ...Object.fromEntries(weights.map(({ name, variable, toTorch }) => [name, tidy(() => toTorch(variable))])),
        ...Object.fromEntries(Object.entries(quantizer.stateDict()).map(([key, value]) => [QUANTIZER + key, value])),
      };
    },
    loadStateDict(tensors) {
      alive('loadStateDict');
      requireState(weights, tensors);
      const inner = Object.entries(tensors).filter(([key]) => key.startsWith(QUANTIZER));
      tidy(() => {
        // All of them before the first is changed: an engine may have no memory for one.
        const values = weights.map(({ name, fromTorch }) => fromTorch(tensors[name] as Tensor));
        quantizer.loadStateDict(Object.fromEntries(inner.map(([key, value]) => [key.slice(QUANTIZER.length), value])));
        weights.forEach(({ variable }, i) => {
          variable.assign(values[i] as Tensor);
        });
      });
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      quantizer.dispose();
      for (const { variable } of weights) variable.dispose();
    },
  };
}

/** To [-1, 1]; NaN stays, which the clamp of the wasm engine takes for -1. */
function clamp(images: Tensor4D): Tensor4D {
  return add(clipByValue(images, -1, 1), mul(images, 0));
}

/** Throws unless the tensors beside the quantizer's are the weights: their names, shapes and dtypes. */
function requireState(weights: readonly Weight[], tensors: Readonly<Record<string, Tensor>>): void {
  const isObject = typeof tensors === 'object' && tensors !== null;
  requireOption(isObject, 'loadStateDict', 'tensors', 'an object of tensors by name', tensors, SAME);
  const given = Object.keys(tensors).filter((name) => !name.startsWith(QUANTIZER));
  const unknown = given.filter((name) => !weights.some((weight) => weight.name === name));
  const missing = weights.map(({ name }) => name).filter((name) => !given.includes(name));
  if (unknown.length > 0 || missing.length > 0) {
    throw new OptionError(
      `loadStateDict: tensors must have exactly the weights of the tokenizer; missing ${show(missing)}, unknown ${show(unknown)}. ${SAME}`,
    );
  }
  for (const { name, variable, toTorch } of weights) {
    const value = tensors[name];
    requireTensor('loadStateDict', `'${name}'`, value);
    const { shape, dtype } = value;
    const expected = tidy(() => toTorch(variable).shape);
    if (!util.arraysEqual(expected, shape)) {
      throw new ShapeError(`loadStateDict: '${name}' must have shape ${show(expected)}, got ${show(shape)}. ${SAME}`);
    }
    if (dtype !== 'float32') throw new DtypeError(`loadStateDict: '${name}' must be float32, got ${dtype}. ${SAME}`);
  }
}
