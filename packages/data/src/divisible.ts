import { OptionError } from '@vqkit/core-tensor/errors';

/** Pixels that the side of an image may have. */
export const LONGEST_SIDE: number = 2 ** 13;

/** Height and width in pixels, of squares one number. */
export type ImageSize = number | readonly [height: number, width: number];

/** Height and width of a size that may be one number. */
export function sidesOf(size: ImageSize): readonly [height: number, width: number] {
  return typeof size === 'number' ? [size, size] : size;
}

/** A size as an option has it, of squares one number. */
export function sizeOf([height, width]: readonly [number, number]): ImageSize {
  return height === width ? height : [height, width];
}

/** Throws unless the image can be halved once per width. */
export function requireDivisible(where: string, imageSize: ImageSize | undefined, halvings: number): void {
  const multiple = 2 ** halvings;
  const sides = imageSize === undefined ? [] : sidesOf(imageSize);
  if (sides.every((side) => side % multiple === 0)) return;
  const down = sides.map((side) => Math.max(multiple, side - (side % multiple)));
  throw new OptionError(
    where,
    'imageSize',
    `be a multiple of ${multiple} (${halvings} widths, each halves the image)`,
    imageSize,
    `Use ${typeof imageSize === 'number' ? down[0] : down.join(',')} or fewer widths.`,
  );
}
