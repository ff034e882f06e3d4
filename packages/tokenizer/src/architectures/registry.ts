import { requireOneOf } from '@vqkit/core-tensor';
import type { Architecture } from './architecture.ts';
import { type ConvConfig, conv } from './conv.ts';
import { type MlpConfig, mlp } from './mlp.ts';
import { type ResnetConfig, resnet } from './resnet.ts';
import { type SeanetConfig, seanet } from './seanet.ts';

/** What each architecture has in a description. */
interface ArchitectureConfigs {
  readonly conv: ConvConfig;
  readonly mlp: MlpConfig;
  readonly resnet: ResnetConfig;
  readonly seanet: SeanetConfig;
}

export type ArchitectureName = keyof ArchitectureConfigs;

/** Every network that a tokenizer may have. */
const ARCHITECTURES: { readonly [Name in ArchitectureName]: Architecture<ArchitectureConfigs[Name]> } = {
  conv,
  mlp,
  resnet,
  seanet,
};

/** The names of all architectures, as a command line or a schema lists them. */
export function architectureNames(): readonly ArchitectureName[] {
  return Object.keys(ARCHITECTURES) as ArchitectureName[];
}

/**
 * The architecture of a name.
 *
 * @throws OptionError for a name that none has.
 * @example
 * architectureEntry('mlp').modality.name; // 'vectors'
 */
export function architectureEntry(name: string, where = 'architectureEntry'): Architecture {
  requireOneOf(where, 'architecture', name, architectureNames());
  return ARCHITECTURES[name as ArchitectureName] as unknown as Architecture;
}
