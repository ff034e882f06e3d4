import { requireInteger, requireKnownOptions, requireOneOf, requireOption } from '@vqkit/core-tensor';
import { type QuantizerName, quantizerEntry, quantizerNames } from '@vqkit/quantizers';
import type { ConvConfig } from './architectures/conv.ts';
import type { MlpConfig } from './architectures/mlp.ts';
import { type ArchitectureName, architectureEntry } from './architectures/registry.ts';
import type { ResnetConfig } from './architectures/resnet.ts';
import type { SeanetConfig } from './architectures/seanet.ts';

/** What a tokenizer of any data is made of beside its network. */
interface QuantizerPart {
  readonly quantizer: QuantizerName;
  readonly quantizerOptions: Readonly<Record<string, unknown>>;
  readonly seed: number;
}

/** What {@link createImageTokenizer} takes. */
export interface ImageTokenizerOptions {
  /** The network: `conv`, small and fast, or `resnet`, residual blocks. Default `conv`. */
  readonly architecture?: 'conv' | 'resnet' | undefined;
  /** The quantizer between encoder and decoder. */
  readonly quantizer: QuantizerName;
  /** Options of its constructor, over those of the reference library's example. Channels last always. */
  readonly quantizerOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Channels of the encoder, one entry per halving of the image; the decoder mirrors them. Default [16, 32], of `resnet` [32, 64]. */
  readonly widths?: readonly number[] | undefined;
  /** Of `conv`: groups of the GroupNorm before the quantizer, 0 for none. Default what the quantizer's example has: 4 for LFQ and its stack. */
  readonly normGroups?: number | undefined;
  /** Of `resnet`: residual blocks of each width, 1 to 16. Default 1. */
  readonly blocks?: number | undefined;
  /** Of `resnet`: whether the places of the smallest image attend to each other. Default false. */
  readonly attention?: boolean | undefined;
  /** Of `resnet`: groups of the norms, a divisor of every width. Default the most, up to 32, that leave a group 4 channels. */
  readonly groups?: number | undefined;
  /** Channels of an image: 1 for grey, 3 for RGB. Default 1, of `resnet` 3. */
  readonly channels?: number | undefined;
  /** Height and width in pixels of the images that it was or is to be trained on. It takes others too. Default unknown. */
  readonly imageSize?: readonly [height: number, width: number] | undefined;
  /** Seed of the weights and of the quantizer, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

/** What {@link createVectorTokenizer} takes. */
export interface VectorTokenizerOptions {
  /** The network. Default `mlp`, which is the only one for vectors. */
  readonly architecture?: 'mlp' | undefined;
  readonly quantizer: QuantizerName;
  /** Options of its constructor, over those of the reference library's example. */
  readonly quantizerOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Features of a vector. */
  readonly features: number;
  /** Widths of the encoder's hidden layers, which the decoder mirrors. Default [], the vectors themselves are quantized. */
  readonly hidden?: readonly number[] | undefined;
  /** Width of what is quantized, for quantizers that take any. Default the features without hidden layers, else 32 or fewer. */
  readonly latentWidth?: number | undefined;
  /** Between the layers. Default `relu`. */
  readonly activation?: MlpConfig['activation'] | undefined;
  /** Seed of the weights and of the quantizer, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

/** What {@link createAudioTokenizer} takes. */
export interface AudioTokenizerOptions {
  /** The network. Default `seanet`, which is the only one for sound. */
  readonly architecture?: 'seanet' | undefined;
  readonly quantizer: QuantizerName;
  /** Options of its constructor, over those of the reference library's example. */
  readonly quantizerOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Channels of the first convolution; every stride doubles them. Default 16. */
  readonly filters?: number | undefined;
  /** By which the encoder shortens the sound, one after the other, each >= 2; the decoder mirrors them. A token stands for their product. Default [2, 4, 5, 8]. */
  readonly strides?: readonly number[] | undefined;
  /** Of the residual units of each level. Default [1, 3, 9]. */
  readonly dilations?: readonly number[] | undefined;
  /** Default `elu`. */
  readonly activation?: SeanetConfig['activation'] | undefined;
  /** Whether no sample and no token sees a later sample, so that it can stream. Default false. */
  readonly causal?: boolean | undefined;
  /** Width of what is quantized, for quantizers that take any. Default 64, or the last level's channels where these are fewer. */
  readonly latentWidth?: number | undefined;
  /** Channels of the sound: 1 mono, 2 stereo. Default 1. */
  readonly channels?: number | undefined;
  /** Samples per second of the sound that it was or is to be trained on. Default 16,000. */
  readonly sampleRate?: number | undefined;
  /** Seed of the weights and of the quantizer, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

/** The whole description of an image tokenizer, every default filled in: plain data. */
export type ImageTokenizerConfig =
  | (QuantizerPart &
      ConvConfig & { /** Missing in descriptions of before there were others. */ readonly architecture?: 'conv' })
  | (QuantizerPart & ResnetConfig & { readonly architecture: 'resnet' });

/** The whole description of a tokenizer of vectors, every default filled in: plain data. */
export interface VectorTokenizerConfig extends QuantizerPart, MlpConfig {
  readonly architecture: 'mlp';
}

/** The whole description of a tokenizer of sound, every default filled in: plain data. */
export interface AudioTokenizerConfig extends QuantizerPart, SeanetConfig {
  readonly architecture: 'seanet';
}

/** The description of any tokenizer. */
export type TokenizerConfig = ImageTokenizerConfig | VectorTokenizerConfig | AudioTokenizerConfig;

export const FIRST: ArchitectureName = 'conv';
const SHARED = ['architecture', 'quantizer', 'quantizerOptions', 'seed'] as const;

/** The architecture of a description; those of before there were others do not say it. */
export function architectureOf(config: TokenizerConfig): ArchitectureName {
  return config.architecture ?? FIRST;
}

/**
 * Checks the options of a tokenizer and fills in their defaults, those of the quantizer's recipe too. The quantizer's constructor
 * checks and completes its own options.
 *
 * @param where the function that was called, for errors.
 * @throws OptionError
 */
export function resolveOptions(where: string, options: ImageTokenizerOptions): ImageTokenizerConfig;
export function resolveOptions(where: string, options: VectorTokenizerOptions): VectorTokenizerConfig;
export function resolveOptions(where: string, options: AudioTokenizerOptions): AudioTokenizerConfig;
export function resolveOptions(
  where: string,
  options: ImageTokenizerOptions | VectorTokenizerOptions | AudioTokenizerOptions,
): TokenizerConfig {
  const { architecture = FIRST, quantizer, quantizerOptions = {}, seed = 0, ...own } = options;
  const network = architectureEntry(architecture, where);
  requireKnownOptions(where, options, [...SHARED, ...network.keys]);
  requireOneOf(where, 'quantizer', quantizer, quantizerNames());
  requireObject(where, quantizerOptions);
  const entry = quantizerEntry(quantizer);
  const complete = network.complete(where, own, entry);
  const recipe = entry.recipe(network.latentWidth(complete));
  const config = {
    architecture,
    quantizer,
    quantizerOptions: { ...recipe, seed, ...quantizerOptions },
    ...complete,
    seed,
  } as unknown as TokenizerConfig;
  checkConfig(where, config);
  return config;
}

/**
 * Throws unless the description is whole and makes sense, as it must be in a file.
 * @throws OptionError
 */
export function checkConfig(where: string, config: TokenizerConfig): void {
  const network = architectureEntry(architectureOf(config), where);
  requireKnownOptions(where, config, [...SHARED, ...network.keys]);
  const { quantizer, quantizerOptions, seed } = config;
  requireOneOf(where, 'quantizer', quantizer, quantizerNames());
  requireObject(where, quantizerOptions);
  const { dataFormat } = quantizerOptions;
  requireOption(
    dataFormat === undefined || dataFormat === 'channelsLast',
    where,
    'quantizerOptions.dataFormat',
    "'channelsLast', the layout of all data here",
    dataFormat,
    'Leave it out.',
  );
  requireInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  network.check(where, config);
}

/** The description with its architecture, its keys in one order, so that equal tokenizers give equal files. */
export function ordered<Config extends TokenizerConfig>(
  config: Config,
  quantizerOptions: Readonly<Record<string, unknown>> = config.quantizerOptions,
): Config {
  const architecture = architectureOf(config);
  const { quantizer, seed } = config;
  const values = config as unknown as Readonly<Record<string, unknown>>;
  const own = architectureEntry(architecture)
    .keys.filter((key) => values[key] !== undefined)
    .map((key) => [key, values[key]] as const);
  return { architecture, quantizer, quantizerOptions, ...Object.fromEntries(own), seed } as unknown as Config;
}

function requireObject(where: string, options: unknown): void {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  requireOption(isObject, where, 'quantizerOptions', 'an object', options, 'Pass for example {}.');
}
