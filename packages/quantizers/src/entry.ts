import type { Quantizer } from '@vqkit/core-tensor';
import type { Problem } from '@vqkit/metrics';
import type { FlagName } from './flags.ts';

/** All that the tokenizer, the command line, the report and the diagnosis know about one quantizer beside the contract. */
export interface QuantizerEntry {
  /** As it is typed and stored: `residual-lfq`. */
  readonly name: string;
  /** The `kind` of what `create` makes. */
  readonly kind: string;
  /** In tables and headings. */
  readonly title: string;
  /** Of a stack: the name of the quantizer that its layers are. */
  readonly layer?: string;
  create(options: object): Quantizer;
  /** The options of the reference library's example, for an encoder's output of `width` channels. */
  recipe(width: number): object;
  /** What a fit to given vectors, without an encoder, has besides. */
  readonly fit: object;
  /** The quantizer's own names for the flags that it has. */
  readonly flags: Readonly<Partial<Record<FlagName, string>>>;
  /** Whether the width of a code follows from the codebook, so that an encoder needs a projection to it. */
  readonly ownWidth: boolean;
  /** Groups of the GroupNorm that the example has before the quantizer, 0 for none. */
  readonly normGroups: number;
  /** Whether it learns one table of codes, whose rank is worth knowing. */
  readonly learnsCodes: boolean;
  /** Whether each bit of an index is a feature, so that a bit can be dead. */
  readonly codesAreBits: boolean;
  /** What to try where the diagnosis finds a problem and its general advice is not the best. */
  readonly remedies: Readonly<Partial<Record<Problem, string>>>;
  /** The same as flags of `vqkit train`, and the name of the run that they make. */
  readonly nextRuns: Readonly<Partial<Record<Problem, NextRun>>>;
}

/** A run with other flags. */
export interface NextRun {
  readonly name: string;
  readonly flags: string;
}

type Given<Options> = Pick<QuantizerEntry, 'name' | 'kind' | 'title' | 'flags'> &
  Partial<Omit<QuantizerEntry, 'create' | 'recipe' | 'fit'>> & {
    create(options: Options): unknown;
    recipe(width: number): Options;
    readonly fit?: Partial<Options>;
  };

/** An entry from what is not usual about it. */
export function entry<Options extends object>(given: Given<Options>): QuantizerEntry {
  return {
    fit: {},
    ownWidth: false,
    normGroups: 0,
    learnsCodes: false,
    codesAreBits: false,
    remedies: {},
    nextRuns: {},
    ...given,
    create: (options) => given.create(options as Options) as Quantizer,
  };
}

/** Layers of the stacks; the reference library has no example of one. */
export const LAYERS = 4;
