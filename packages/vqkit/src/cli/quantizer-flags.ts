import { type FlagName, QUANTIZER_FLAGS, QUANTIZERS, quantizerEntry } from '@vqkit/quantizers';
import { InvalidArgumentError } from 'commander';
import { type Flags, flagOf, flagsOf } from './flags.ts';

const FLAG_NAMES = Object.keys(QUANTIZER_FLAGS) as FlagName[];

/** Methods and stacks of them; a stack has the flags of its layer, mostly. */
const ENTRIES = Object.values(QUANTIZERS);

/** The methods that have a flag. */
function methodsWith(flag: FlagName): string[] {
  return ENTRIES.filter(({ layer, flags }) => layer === undefined && flags[flag] !== undefined).map(({ name }) => name);
}

/** The options of quantizers that were given as flags, and the flags: `entropyLossWeight` and `--entropy-weight`. */
export function quantizerOptionNames(given: Readonly<Record<string, unknown>>): [option: string, flag: string][] {
  return FLAG_NAMES.filter((name) => given[name] !== undefined).flatMap((name) => {
    const options = new Set(ENTRIES.flatMap(({ flags }) => flags[name] ?? []));
    return [...options].map((option): [string, string] => [option, flagOf(name)]);
  });
}

/** The flags of the options of quantizers that are most used, described with the quantizers that have them. */
export function quantizerFlags(): Flags[] {
  const properties = FLAG_NAMES.map((name) => {
    const { type, choices, description } = QUANTIZER_FLAGS[name];
    const whose = `${description} Only ${methodsWith(name).join(', ')}.`;
    return [name, { type, enum: choices, group: 'Tokenizer', description: whose }];
  });
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
  const { flags } = quantizerEntry(quantizer);
  const entries = FLAG_NAMES.filter((name) => given[name] !== undefined).map((name) => {
    const option = flags[name];
    if (option !== undefined) return [option, given[name]];
    const own = FLAG_NAMES.filter((other) => flags[other] !== undefined);
    throw new InvalidArgumentError(
      `option '${flagOf(name)}' must go with a quantizer that has it (${methodsWith(name).join(', ')}), got ${quantizer}. It has ${own.map(flagOf).join(', ')}; others with --set quantizerOptions.name=value.`,
    );
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}
