import { requireOneOf } from '@vqkit/core-tensor';
import { QUANTIZERS, type QuantizerName } from './entries.ts';
import type { QuantizerEntry } from './entry.ts';

/** The names of all quantizers, as a command line or a schema lists them. */
export function quantizerNames(): readonly QuantizerName[] {
  return Object.keys(QUANTIZERS) as QuantizerName[];
}

/**
 * What is known about the quantizer of a name.
 *
 * @throws OptionError for a name that no quantizer has.
 * @example
 * const { create, recipe } = quantizerEntry('fsq');
 * const fsq = create(recipe(32));
 */
export function quantizerEntry(name: string, where = 'quantizerEntry'): QuantizerEntry {
  requireOneOf(where, 'quantizer', name, quantizerNames());
  return QUANTIZERS[name as QuantizerName];
}

/** The stack whose layers are this quantizer, if the registry has one. */
export function stackOf(name: string): QuantizerEntry | undefined {
  return Object.values(QUANTIZERS).find(({ layer }) => layer === name);
}
