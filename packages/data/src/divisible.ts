import { OptionError } from '@vqkit/core-tensor/errors';

/** Pixels that the side of an image may have. */
export const LONGEST_SIDE: number = 2 ** 13;

/** Throws unless the image can be halved once per width. */
export function requireDivisible(where: string, imageSize: number | undefined, halvings: number): void {
  if (imageSize === undefined || imageSize % 2 ** halvings === 0) return;
  const down = imageSize - (imageSize % 2 ** halvings);
  throw new OptionError(
    where,
    'imageSize',
    `be a multiple of ${2 ** halvings} (${halvings} widths, each halves the image)`,
    imageSize,
    `Use ${down === 0 ? 2 ** halvings : down} or fewer widths.`,
  );
}
