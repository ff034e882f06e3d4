import { requireInteger, requireOption } from '@vqkit/core-tensor';

/** A token then stands for 65,536 × 65,536 pixels. */
const MOST_WIDTHS = 16;

/** Pixels, of the images that a tokenizer says it was trained on. */
const LONGEST_SIDE = 2 ** 13;

/** Channels of a network that halves images as often. */
export function requireWidths(where: string, widths: readonly number[]): void {
  const isList = Array.isArray(widths) && widths.length > 0 && widths.length <= MOST_WIDTHS;
  const rule = `a list of 1 to ${MOST_WIDTHS} integers >= 1`;
  requireOption(isList, where, 'widths', rule, widths, 'Pass for example [16, 32].');
  for (const [i, width] of widths.entries()) requireInteger(where, `widths[${i}]`, width, 1);
}

/** Height and width of the images that it was trained on. */
export function requireImageSize(where: string, size: readonly number[], multiple: number): void {
  const isSide = (n: number): boolean => Number.isInteger(n) && n > 0 && n <= LONGEST_SIDE && n % multiple === 0;
  const isSize = Array.isArray(size) && size.length === 2 && size.every(isSide);
  const rule = `[height, width], multiples of ${multiple} (each of the widths halves the image) up to ${LONGEST_SIDE}`;
  requireOption(isSize, where, 'imageSize', rule, size, `Pass for example [${16 * multiple}, ${16 * multiple}].`);
}
