import { type Scalar, type Tensor, tidy, util, type Variable, zeros } from '@tensorflow/tfjs-core';
import {
  createRng,
  DtypeError,
  OptionError,
  type Parameter,
  phrase,
  type Quantizer,
  requireAlive,
  requireOption,
  requireTensor,
  ShapeError,
  show,
} from '@vqkit/core-tensor';
import { createScope, type Description, describeModules, type Module } from '@vqkit/nn';
import { quantizerEntry } from '@vqkit/quantizers';
import { architectureEntry } from './architectures/registry.ts';
import { architectureOf, ordered, type TokenizerConfig } from './config.ts';

/** What one pass through the whole tokenizer gives. The caller disposes the tensors (or runs inside `tf.tidy`). */
export interface TokenizerResult<Data extends Tensor = Tensor> {
  /** What the quantizer was given: [batch, …, dim]; of images [batch, height / m, width / m, dim], m = imageMultiple. */
  readonly latents: Data;
  /** The codes, shape of the latents. */
  readonly quantized: Data;
  readonly indices: Tensor;
  /** The data as rebuilt from the codes; of images not clamped. */
  readonly output: Data;
  /** The quantizer's weighted loss and its named parts; 0 unless training. */
  readonly loss: Scalar;
  readonly losses: Readonly<Record<string, Scalar>>;
}

/** Data to token ids and back: an encoder, a quantizer and a decoder, of whatever {@link Architecture}. */
export interface Tokenizer<Data extends Tensor = Tensor, Config extends TokenizerConfig = TokenizerConfig> {
  /** The whole description, every default filled in, the quantizer's own too: plain data. */
  readonly config: Config;
  readonly quantizer: Quantizer;
  /** Ids are in [0, codebookSize). */
  readonly codebookSize: number;
  /** Ids per token: 1, or the layers of a stack. */
  readonly numCodebooks: number;
  /** log₂ of the number of different tokens: numCodebooks · log₂(codebookSize). */
  readonly bitsPerToken: number;
  /** Data → int32 ids. A constant to the gradient tape. An empty batch is fine. */
  encode(data: Data): Tensor;
  /**
   * Ids → data. A token of nothing but -1 is one without a code; any other id out of range gives NaN wherever its code would reach, never
   * wrong data (check with {@link assertTokens}).
   */
  decode(ids: Tensor): Data;
  /** The whole pass, with gradients, as training needs it. `training` turns on the losses and whatever noise an option asks for. */
  forward(data: Data, options?: { training?: boolean; step?: number }): TokenizerResult<Data>;
  /** The layers of encoder and decoder for data of this shape. Nothing is computed. */
  describe(shape: readonly number[]): TokenizerDescription;
  /** Everything that an optimizer trains, by state-dict name. */
  variables(): Record<string, Variable>;
  /** Of those, what the decoder's last layer multiplies by, without its bias; nothing where there is no decoder. */
  lastLayer(): Record<string, Variable>;
  /** Copies of all parameters in PyTorch's layouts, the quantizer's under `quantizer.`. The caller disposes them. */
  stateDict(): Record<string, Tensor>;
  /** Copies values in. Names, shapes and dtypes must match exactly; nothing is changed when they do not. */
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  /** Frees the weights; a second `dispose` does nothing. */
  dispose(): void;
}

/** See {@link Tokenizer.describe}. */
export interface TokenizerDescription {
  readonly encoder: Description;
  /** Numbers that the quantizer keeps, trained or not. */
  readonly quantizerNumbers: number;
  readonly decoder: Description;
}

const QUANTIZER = 'quantizer.';
const SAME = 'Load the state of a tokenizer of the same configuration.';

/** The parts of a tokenizer that callers of other modalities need. */
export interface BuiltTokenizer<Data extends Tensor, Config extends TokenizerConfig> extends Tokenizer<Data, Config> {
  /** Axes of one token's ids after its place. */
  readonly idAxes: readonly number[];
  /** Places of the data along each axis that a token stands for. */
  readonly multiple: number;
}

/** Makes the tokenizer of a description that was checked, with random weights: a function of the seed. */
export function buildTokenizer<Data extends Tensor, Config extends TokenizerConfig>(
  maker: string,
  described: Config,
): BuiltTokenizer<Data, Config> {
  const network = architectureEntry(architectureOf(described), maker);
  const { modality } = network;
  const { create, ownWidth } = quantizerEntry(described.quantizer);
  const quantizer = create(described.quantizerOptions);
  // With the constructor's defaults, for a later version may have others.
  const config = ordered(described, quantizer.config as Readonly<Record<string, unknown>>);
  const scope = createScope(createRng(described.seed).fork('weights'));
  const { encoder, decoder } = network.build(scope, described, { dim: quantizer.dim, ownWidth });
  const weights = scope.parameters();
  const [channels, multiple] = [network.channels(described), network.multiple(described)];
  const run = (modules: readonly Module[], x: Tensor): Tensor => modules.reduce((y, module) => module.apply(y), x);

  const { codebookSize, numCodebooks } = quantizer;
  const idAxes = tidy(() => quantizer.encode(zeros([0, quantizer.dim])).shape.slice(1));
  let disposed = false;
  const alive = (call: string): string => {
    const method = `${maker}().${call}`;
    requireAlive(disposed, method, 'the tokenizer');
    for (const { variable } of weights) requireTensor(method, 'the weights', variable);
    return method;
  };

  return {
    config,
    quantizer,
    codebookSize,
    numCodebooks,
    idAxes,
    multiple,
    bitsPerToken: numCodebooks * Math.log2(codebookSize),

    encode(data) {
      modality.requireData(alive('encode'), data, channels, multiple);
      const [batch, ...places] = data.shape.slice(0, -1);
      if (batch === 0) return zeros([0, ...places.map((length) => length / multiple), ...idAxes], 'int32');
      return tidy(() => quantizer.encode(run(encoder, data)));
    },
    decode(ids) {
      modality.requireIds(alive('decode'), ids, idAxes);
      const [batch, ...places] = ids.shape.slice(0, ids.rank - idAxes.length);
      if (batch === 0) return zeros([0, ...places.map((length) => length * multiple), channels]) as Data;
      return tidy(() => modality.fromOutput(run(decoder, quantizer.decode(ids))) as Data);
    },
    forward(data, { training = false, step } = {}) {
      modality.requireData(alive('forward'), data, channels, multiple);
      return tidy(() => {
        const latents = run(encoder, data) as Data;
        const { quantized, indices, loss, losses } = quantizer.quantize(latents, { training, step });
        const codes = quantized as Data;
        return { latents, quantized: codes, indices, output: run(decoder, codes) as Data, loss, losses };
      });
    },
    describe(shape) {
      alive('describe');
      const encoded = describeModules(encoder, shape);
      const codes = [...encoded.outputShape.slice(0, -1), quantizer.dim];
      const state = quantizer.stateDict();
      const quantizerNumbers = Object.values(state).reduce((sum, { size }) => sum + size, 0);
      for (const value of Object.values(state)) value.dispose();
      return { encoder: encoded, quantizerNumbers, decoder: describeModules(decoder, codes) };
    },

    variables() {
      alive('variables');
      return {
        ...Object.fromEntries(weights.map(({ name, variable }) => [name, variable])),
        ...prefixed(quantizer.variables()),
      };
    },
    lastLayer() {
      alive('lastLayer');
      const prefix = `${decoder.at(-1)?.path}.`;
      const own = weights.filter(({ name }) => name.startsWith(prefix) && name !== `${prefix}bias`);
      return Object.fromEntries(own.map(({ name, variable }) => [name, variable]));
    },
    stateDict() {
      alive('stateDict');
      return {
        ...Object.fromEntries(weights.map((weight) => [weight.name, tidy(() => toTorch(weight))])),
        ...prefixed(quantizer.stateDict()),
      };
    },
    loadStateDict(tensors) {
      alive('loadStateDict');
      requireState(weights, tensors);
      const inner = Object.entries(tensors).filter(([key]) => key.startsWith(QUANTIZER));
      tidy(() => {
        // All of them before the first is changed: an engine may have no memory for one.
        const values = weights.map(({ name, layout }) => {
          const value = tensors[name] as Tensor;
          return layout?.fromTorch(value) ?? value.clone();
        });
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

function prefixed<T>(values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [QUANTIZER + key, value]));
}

function toTorch({ variable, layout }: Parameter): Tensor {
  return layout?.toTorch(variable) ?? variable.clone();
}

/** Throws unless the tensors beside the quantizer's are the weights: their names, shapes and dtypes. */
function requireState(weights: readonly Parameter[], tensors: Readonly<Record<string, Tensor>>): void {
  const isObject = typeof tensors === 'object' && tensors !== null;
  requireOption(isObject, 'loadStateDict', 'tensors', 'an object of tensors by name', tensors, SAME);
  const given = Object.keys(tensors).filter((name) => !name.startsWith(QUANTIZER));
  const unknown = given.filter((name) => !weights.some((weight) => weight.name === name));
  const missing = weights.map(({ name }) => name).filter((name) => !given.includes(name));
  if (unknown.length > 0 || missing.length > 0) {
    const got = phrase(`missing ${show(missing)}, unknown ${show(unknown)}`, given);
    throw new OptionError('loadStateDict', 'tensors', 'have exactly the weights of the tokenizer', got, SAME);
  }
  for (const weight of weights) {
    const { name } = weight;
    const value = tensors[name];
    requireTensor('loadStateDict', `'${name}'`, value);
    const { shape, dtype } = value;
    const expected = tidy(() => toTorch(weight).shape);
    if (!util.arraysEqual(expected, shape)) {
      throw new ShapeError('loadStateDict', `'${name}'`, `have shape ${show(expected)}`, shape, SAME);
    }
    if (dtype !== 'float32') throw new DtypeError('loadStateDict', `'${name}'`, 'be float32', dtype, SAME);
  }
}
