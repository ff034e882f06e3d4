import { InvalidArgumentError } from 'commander';
import { type Flags, flagOf, flagsOf } from './flags.ts';

/** A flag, and the option that it sets in each quantizer that has it; a stack of layers has those of its layer. */
interface QuantizerFlag {
  readonly type: 'integer' | 'number' | 'boolean' | 'array' | 'string';
  readonly enum?: readonly string[];
  readonly description: string;
  readonly sets: Readonly<Record<string, string>>;
  /** Layers of a stack have no such option. */
  readonly notInStacks?: boolean;
}

const FLAGS: Readonly<Record<string, QuantizerFlag>> = {
  levels: { type: 'array', description: 'Levels of each feature of a code, such as 8,6,5.', sets: { fsq: 'levels' } },
  bound: {
    type: 'string',
    enum: ['reference', 'official', 's3Tokenizer', 'hardClamp'],
    description: 'Whose bounding function.',
    sets: { fsq: 'bound' },
    notInStacks: true,
  },
  codebookSize: {
    type: 'integer',
    description: 'Number of codes.',
    sets: { lfq: 'codebookSize', simvq: 'codebookSize', vq: 'codebookSize' },
  },
  dim: {
    type: 'integer',
    description: 'Features of a token before the quantizer.',
    sets: { lfq: 'dim', fsq: 'dim', simvq: 'dim', vq: 'dim' },
  },
  entropyWeight: { type: 'number', description: 'Weight of the entropy loss.', sets: { lfq: 'entropyLossWeight' } },
  commitmentWeight: {
    type: 'number',
    description: 'Weight of the commitment loss.',
    sets: { lfq: 'commitmentLossWeight', simvq: 'commitmentWeight', vq: 'commitmentWeight' },
  },
  invTemperature: {
    type: 'number',
    description: 'Inverse temperature of the entropies.',
    sets: { lfq: 'invTemperature' },
  },
  spherical: { type: 'boolean', description: 'Puts latents and codes on a sphere.', sets: { lfq: 'spherical' } },
  bitOrder: {
    type: 'string',
    enum: ['msbFirst', 'lsbFirst'],
    description: 'Whether feature 0 is the most or the least significant bit of a token id.',
    sets: { lfq: 'bitOrder' },
  },
  rotation: {
    type: 'boolean',
    description: 'The gradient by the rotation trick instead of straight-through.',
    sets: { simvq: 'rotationTrick', vq: 'rotationTrick' },
  },
};

/** The quantizer's own name for a flag, if it has it; `residual-fsq` is a stack of `fsq`. */
function optionOf(quantizer: string, name: string): string | undefined {
  const layer = quantizer.replace(/^residual-/, '');
  const { sets, notInStacks = false } = FLAGS[name] as QuantizerFlag;
  return notInStacks && layer !== quantizer ? undefined : sets[layer];
}

/** The options of quantizers that were given as flags, and the flags: `entropyLossWeight` and `--entropy-weight`. */
export function quantizerOptionNames(given: Readonly<Record<string, unknown>>): [option: string, flag: string][] {
  return Object.entries(FLAGS)
    .filter(([name]) => given[name] !== undefined)
    .flatMap(([name, { sets }]) => Object.values(sets).map((option): [string, string] => [option, flagOf(name)]));
}

/** The flags of the options of quantizers that are most used, described with the quantizers that have them. */
export function quantizerFlags(): Flags[] {
  const properties = Object.entries(FLAGS).map(([name, { type, enum: choices, description, sets }]) => [
    name,
    { type, enum: choices, group: 'Tokenizer', description: `${description} Only ${Object.keys(sets).join(', ')}.` },
  ]);
  const flags = flagsOf({ properties: Object.fromEntries(properties) });
  // A resumed run has the quantizer that it has.
  for (const { options } of flags) for (const option of options) option.conflicts('resume');
  return flags;
}

/**
 * The options of a quantizer that were given as flags, under the quantizer's own names.
 * @throws InvalidArgumentError for a flag that this quantizer has no option for.
 */
export function quantizerOptionsOf(
  quantizer: string,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const names = Object.keys(FLAGS).filter((name) => given[name] !== undefined);
  const entries = names.map((name) => {
    const option = optionOf(quantizer, name);
    if (option !== undefined) return [option, given[name]];
    const { sets } = FLAGS[name] as QuantizerFlag;
    const own = Object.keys(FLAGS).filter((other) => optionOf(quantizer, other) !== undefined);
    throw new InvalidArgumentError(
      `option '${flagOf(name)}' must go with a quantizer that has it (${Object.keys(sets).join(', ')}), got ${quantizer}. It has ${own.map(flagOf).join(', ')}; others with --set quantizerOptions.name=value.`,
    );
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}
