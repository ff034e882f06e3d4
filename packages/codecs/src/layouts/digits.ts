import { requireInteger, requireKnownOptions, requireOneOf, requireOption } from '@vqkit/core-tensor/check';
import { createLayout, type Digit, type IdLayout, type Layers, requireOneRate } from './layout.ts';

export interface DigitOptions {
  /**
   * As in the quantizer: `msbFirst` where its first features are the most significant of an id (vector-quantize-pytorch, BSQ, Infinity),
   * `lsbFirst` where they are the least (Open-MAGVIT2; the digits of FSQ). Default: `msbFirst`.
   */
  readonly bitOrder?: 'msbFirst' | 'lsbFirst';
}

/**
 * Large ids as several small ones, in the order of the features: an id of 18 bits as two of 9 (MAGVIT-v2, arXiv:2310.05737, and
 * Open-MAGVIT2). Tokens are [frames, parts of all layers].
 *
 * @param layers a codec of one rate, or `{ codebookSizes }`, each of which is the product of `sizes`.
 * @param sizes how many tokens each part has, such as [512, 512].
 * @throws OptionError for an option that breaks its rule. `arrange` and `restore`: ShapeError for a wrong length, DataError for a token or an id out of its range, by position.
 * @example
 * const layout = splitIds({ codebookSizes: [2 ** 18] }, [512, 512]);
 * layout.arrange([Int32Array.of(3 * 512 + 5)]); // [ 3, 5 ]
 */
export function splitIds(layers: Layers, sizes: readonly number[], options: DigitOptions = {}): IdLayout {
  return digits('splitIds', layers, () => sizes, options);
}

/**
 * Ids as their bits, in the order of the features: the labels that Infinity (arXiv:2412.04431) predicts. Tokens are 0 and 1, [frames, bits of
 * all layers]; more bits than an id can have are those of several layers.
 *
 * @param layers a codec of one rate, or `{ codebookSizes }`, each of which is a power of two.
 * @throws as `splitIds`.
 * @example
 * const layout = bitLabels({ codebookSizes: [16] });
 * layout.arrange([Int32Array.of(10)]); // [ 1, 0, 1, 0 ]
 */
export function bitLabels(layers: Layers, options: DigitOptions = {}): IdLayout {
  const bitsOf = (size: number): number[] => Array<number>(Math.max(0, Math.round(Math.log2(size)))).fill(2);
  return digits('bitLabels', layers, bitsOf, options);
}

function digits(
  where: string,
  layers: Layers,
  sizesOf: (codebookSize: number) => readonly number[],
  options: DigitOptions,
): IdLayout {
  requireKnownOptions(where, options, ['bitOrder']);
  const { bitOrder = 'msbFirst' } = options;
  requireOneOf(where, 'bitOrder', bitOrder, ['msbFirst', 'lsbFirst']);
  requireOneRate(where, layers, 'Arrange each rate by itself.');
  const parts = layers.codebookSizes.flatMap((codebookSize, layer) => {
    const sizes = sizesOf(codebookSize);
    for (const [i, size] of sizes.entries()) requireInteger(where, `sizes[${i}]`, size, 1);
    const product = sizes.reduce((a, b) => a * b, 1);
    const rule = where === 'bitLabels' ? 'a power of two' : `${product}, the product of sizes`;
    requireOption(
      product === codebookSize,
      where,
      `codebookSizes[${layer}]`,
      rule,
      codebookSize,
      'Pass sizes that fit.',
    );
    return sizes.map((size, i) => {
      const lower = bitOrder === 'lsbFirst' ? sizes.slice(0, i) : sizes.slice(i + 1);
      return { layer, offset: 0, size, place: lower.reduce((a, b) => a * b, 1) };
    });
  });
  return createLayout({
    where,
    layers,
    width: parts.length,
    head: [],
    step: (t) => parts.map((part): Digit => ({ ...part, at: t })),
    tail: () => [],
  });
}
