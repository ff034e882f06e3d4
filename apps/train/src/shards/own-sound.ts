import { OptionError, show } from '@vqkit/core-tensor';
import type { AudioTokenizer } from '@vqkit/tokenizer';

/** What tokens of sounds say of the tokenizer that made them. */
export interface SoundFacts {
  readonly sampleRate: number;
  readonly hop: number;
  readonly codebookSize: number;
  readonly numCodebooks: number;
}

/**
 * Throws unless tokens are of a tokenizer's rate, frames and codebooks: whoever edits a file may leave the tokenizer's checksum in it.
 * @throws OptionError
 */
export function requireOwnSound(where: string, source: string, stored: SoundFacts, model: AudioTokenizer): void {
  const { hop, codebookSize, numCodebooks, config } = model;
  const own: SoundFacts = { sampleRate: config.sampleRate, hop, codebookSize, numCodebooks };
  for (const name of Object.keys(own) as (keyof SoundFacts)[]) {
    if (stored[name] === own[name]) continue;
    const rule = `be of the tokenizer's ${name}, ${show(own[name])}`;
    throw new OptionError(where, source, rule, stored[name], 'Encode the sounds again.');
  }
}
