import { type PublishedCodec, type Source, urlSource } from '@vqkit/codecs';
import { fileSource } from '@vqkit/codecs/node';
import { printable } from './bar.ts';

/** What a user names: an address or a path. */
export function sourceFrom(file: string): Promise<Source> {
  return /^https?:\/\//.test(file) ? urlSource(file) : fileSource(file);
}

/** `--scales 1,2,3,4`. */
export function scalesOf(text: string): number[] {
  return text.split(',').map(Number);
}

/** One line about a quantizer. */
export function describeCodec({ model, prefix, dim, codebookSizes, strides }: PublishedCodec): string {
  const [size = 0] = codebookSizes;
  const codes = codebookSizes.every((other) => other === size)
    ? `${codebookSizes.length} × ${size} codes`
    : `${codebookSizes.join(', ')} codes`;
  const places = strides.map((stride) => Number(stride.toFixed(2))).join(', ');
  const rates = strides.some((stride) => stride > 1) ? `, an id for ${places} frames` : '';
  return `${model} at '${printable(prefix)}': ${codes}${rates}, ${dim} features`;
}
