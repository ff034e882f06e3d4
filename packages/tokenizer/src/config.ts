import { OptionError, requireInteger, requireKnownOptions, requireOneOf, requireOption } from '@vqkit/core-tensor';
import { type QuantizerName, quantizerEntry, quantizerNames } from '@vqkit/quantizers';

/** What {@link createImageTokenizer} takes. */
export interface ImageTokenizerOptions {
  /** The quantizer between encoder and decoder. */
  readonly quantizer: QuantizerName;
  /** Options of its constructor, over those of the reference library's example. Channels last always. */
  readonly quantizerOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Channels of the encoder, one entry per halving of the image; the decoder mirrors them. Default [16, 32]. */
  readonly widths?: readonly number[] | undefined;
  /** Groups of the GroupNorm before the quantizer, 0 for none. Default what the quantizer's example has: 4 for LFQ and its stack. */
  readonly normGroups?: number | undefined;
  /** Channels of an image: 1 for grey, 3 for RGB. Default 1. */
  readonly channels?: number | undefined;
  /** Height and width in pixels of the images that it was or is to be trained on. It takes others too. Default unknown. */
  readonly imageSize?: readonly [height: number, width: number] | undefined;
  /** Seed of the weights and of the quantizer, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

/** The whole description of an image tokenizer, every default filled in: plain data. */
export interface ImageTokenizerConfig {
  readonly quantizer: QuantizerName;
  readonly quantizerOptions: Readonly<Record<string, unknown>>;
  readonly widths: readonly number[];
  readonly normGroups: number;
  readonly channels: number;
  /** Height and width of the images that it was trained on; missing where nobody said. */
  readonly imageSize?: readonly [height: number, width: number];
  readonly seed: number;
}

/** A token then stands for 65,536 × 65,536 pixels. */
const MOST_WIDTHS = 16;

/** Pixels, of the images that a tokenizer says it was trained on. */
const LONGEST_SIDE = 2 ** 13;

const KEYS: readonly (keyof ImageTokenizerConfig)[] = [
  'quantizer',
  'quantizerOptions',
  'widths',
  'normGroups',
  'channels',
  'imageSize',
  'seed',
];

/**
 * Checks the options of an image tokenizer and fills in their defaults, those of the quantizer's recipe too. The quantizer's constructor
 * checks and completes its own options.
 *
 * @param where the function that was called, for errors.
 * @throws OptionError
 */
export function resolveOptions(where: string, options: ImageTokenizerOptions): ImageTokenizerConfig {
  requireKnownOptions(where, options, KEYS);
  const { quantizer, quantizerOptions = {}, widths = [16, 32], channels = 1, imageSize, seed = 0 } = options;
  requireOneOf(where, 'quantizer', quantizer, quantizerNames());
  requireWidths(where, widths);
  requireObject(where, quantizerOptions);
  const entry = quantizerEntry(quantizer);
  const { normGroups = entry.normGroups } = options;
  const recipe = entry.recipe(widths.at(-1) as number);
  const config = {
    quantizer,
    quantizerOptions: { ...recipe, seed, ...quantizerOptions },
    widths: [...widths],
    normGroups,
    channels,
    ...(imageSize === undefined ? {} : { imageSize }),
    seed,
  };
  checkConfig(where, config);
  return config;
}

/**
 * Throws unless the description is whole and makes sense, as it must be in a file.
 * @throws OptionError
 */
export function checkConfig(where: string, config: ImageTokenizerConfig): void {
  requireKnownOptions(where, config, KEYS);
  const { quantizer, quantizerOptions, widths, normGroups, channels, imageSize, seed } = config;
  requireOneOf(where, 'quantizer', quantizer, quantizerNames());
  requireObject(where, quantizerOptions);
  const { dataFormat } = quantizerOptions;
  requireOption(
    dataFormat === undefined || dataFormat === 'channelsLast',
    where,
    'quantizerOptions.dataFormat',
    "'channelsLast', the layout of images",
    dataFormat,
    'Leave it out.',
  );
  requireWidths(where, widths);
  requireInteger(where, 'channels', channels, 1);
  requireInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  if (imageSize !== undefined) requireImageSize(where, imageSize, 2 ** widths.length);
  requireInteger(where, 'normGroups', normGroups, 0);
  const top = widths.at(-1) as number;
  if (normGroups > 0 && top % normGroups !== 0) {
    throw new OptionError(
      `${where}: normGroups must divide the last of widths, ${top}, got ${normGroups}. Use for example ${top % 4 === 0 ? 4 : 1}.`,
    );
  }
}

function requireWidths(where: string, widths: readonly number[]): void {
  const isList = Array.isArray(widths) && widths.length > 0 && widths.length <= MOST_WIDTHS;
  const rule = `a list of 1 to ${MOST_WIDTHS} integers >= 1`;
  requireOption(isList, where, 'widths', rule, widths, 'Pass for example [16, 32].');
  for (const [i, width] of widths.entries()) requireInteger(where, `widths[${i}]`, width, 1);
}

function requireImageSize(where: string, size: readonly number[], multiple: number): void {
  const isSide = (n: number): boolean => Number.isInteger(n) && n > 0 && n <= LONGEST_SIDE && n % multiple === 0;
  const isSize = Array.isArray(size) && size.length === 2 && size.every(isSide);
  const rule = `[height, width], multiples of ${multiple} (each of the widths halves the image) up to ${LONGEST_SIDE}`;
  requireOption(isSize, where, 'imageSize', rule, size, `Pass for example [${16 * multiple}, ${16 * multiple}].`);
}

function requireObject(where: string, options: unknown): void {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  requireOption(isObject, where, 'quantizerOptions', 'an object', options, 'Pass for example {}.');
}
