import type { CodecExtras } from '@vqkit/core-tensor/codec';
import type { StackCodec } from '@vqkit/residual/codec';
import type { View } from '../view.ts';

/** What a caller says of a model that is not in its file. */
export interface ModelExtras extends CodecExtras {
  /** Height and width of each scale of an image, coarsest first: [[1, 1], [2, 2], …], or [1, 2, …] of square ones. */
  readonly scales?: readonly (number | readonly [height: number, width: number])[] | undefined;
}

/** Height and width of each. */
export function sizesOf(scales: NonNullable<ModelExtras['scales']>): (readonly [number, number])[] {
  return Array.from(scales ?? [], (scale) => (typeof scale === 'number' ? [scale, scale] : scale));
}

/** The most bits that one int32 id has. */
export const MOST_BITS = 30;

/** How to find the quantizer of a published model in a file, and to read it. */
export interface CodecModel {
  /** What to call it, in `{ model }` and in errors. */
  readonly name: string;
  /** Where the latents and ids agree: the published module, and the repository of its code. */
  readonly source: string;
  /** Keys that are all there below the quantizer's prefix, in each form that its files have. */
  readonly forms: readonly (readonly string[])[];
  /** What the prefix ends with, where its keys alone would be found elsewhere. */
  readonly prefixEnd?: string;
  /** Keys that other models have. */
  readonly without?: readonly string[];
  /** Whether the same keys are of models with other mathematics: then `{ model }` must say. */
  readonly mustBeNamed?: boolean;
  /** Whether its ids have no latents. */
  readonly oneWay?: boolean;
  load(view: View, extras: ModelExtras): Promise<StackCodec>;
}
