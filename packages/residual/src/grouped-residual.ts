import { requireInteger, requireOption } from '@vqkit/core-tensor';
import type { ResidualQuantizeOptions } from './composition.ts';
import { createGroups, type Grouped } from './grouped.ts';
import { createResidualFsq, type ResidualFsqConfig, type ResidualFsqOptions } from './residual-fsq.ts';
import {
  createResidualLfq,
  type ResidualLfqConfig,
  type ResidualLfqOptions,
  type ResidualLfqQuantizeOptions,
} from './residual-lfq.ts';
import { createResidualSimVq, type ResidualSimVqConfig, type ResidualSimVqOptions } from './residual-simvq.ts';
import {
  createResidualVq,
  type ResidualVqConfig,
  type ResidualVqOptions,
  type ResidualVqQuantizeOptions,
} from './residual-vq.ts';
import type { Residual } from './stack.ts';
import { drawLayers, layerSeed, type StackOptions } from './stack-options.ts';

interface Groups {
  /** Size of the feature axis, a multiple of `groups`. */
  readonly dim: number;
  /** Number of groups; each has dim/groups features and a stack of its own. */
  readonly groups: number;
}

/** The options of `createResidualLfq`, for every group. */
export interface GroupedResidualLfqOptions extends Omit<ResidualLfqOptions, 'dim'>, Groups {}
/** The options of `createResidualFsq`, for every group. */
export interface GroupedResidualFsqOptions extends Omit<ResidualFsqOptions, 'dim'>, Groups {}
/** The options of `createResidualSimVq`, for every group. */
export interface GroupedResidualSimVqOptions extends Omit<ResidualSimVqOptions, 'dim'>, Groups {}
/** The options of `createResidualVq`, for every group. */
export interface GroupedResidualVqOptions extends Omit<ResidualVqOptions, 'dim'>, Groups {}

export type GroupedResidualLfq = Grouped<ResidualLfqConfig & Groups, ResidualLfqQuantizeOptions>;
export type GroupedResidualFsq = Grouped<ResidualFsqConfig & Groups>;
export type GroupedResidualSimVq = Grouped<ResidualSimVqConfig & Groups>;
export type GroupedResidualVq = Grouped<ResidualVqConfig & Groups, ResidualVqQuantizeOptions>;

/**
 * Residual LFQ by groups of features: `createGrouped` over stacks of `createResidualLfq`, all with the same options and seeds of their own.
 * Quantize dropout draws one number of layers for all groups. In the state dict group g is `rvqs.g.`, as in the reference library.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const grouped = createGroupedResidualLfq({ dim: 16, groups: 2, codebookSize: 256, numQuantizers: 4 });
 * grouped.encode(tf.randomNormal([2, 49, 16])); // int32 [2, 49, 8]: four layers of group 0, then four of group 1
 */
export function createGroupedResidualLfq(options: GroupedResidualLfqOptions): GroupedResidualLfq {
  return create('createGroupedResidualLfq', 'GroupedResidualLFQ', options, createResidualLfq, ['invTemperature']);
}

/** As {@link createGroupedResidualLfq}, over stacks of `createResidualFsq`. */
export function createGroupedResidualFsq(options: GroupedResidualFsqOptions): GroupedResidualFsq {
  return create('createGroupedResidualFsq', 'GroupedResidualFSQ', options, createResidualFsq);
}

/** As {@link createGroupedResidualLfq}, over stacks of `createResidualSimVq`. */
export function createGroupedResidualSimVq(options: GroupedResidualSimVqOptions): GroupedResidualSimVq {
  return create('createGroupedResidualSimVq', 'GroupedResidualSimVQ', options, createResidualSimVq);
}

/** As {@link createGroupedResidualLfq}, over stacks of `createResidualVq`. */
export function createGroupedResidualVq(options: GroupedResidualVqOptions): GroupedResidualVq {
  const callOptions = ['freezeCodebook', 'sampleCodebookTemp'];
  return create('createGroupedResidualVq', 'GroupedResidualVQ', options, createResidualVq, callOptions);
}

type StackConfig = Required<StackOptions> & { readonly numQuantizers: number };

function create<Options extends object, Config extends StackConfig, Call extends ResidualQuantizeOptions>(
  where: string,
  kind: string,
  options: Omit<Options, 'dim'> & Groups & Pick<StackOptions, 'seed'>,
  createOne: (options: Options) => Residual<Config, Call>,
  callOptions: readonly string[] = [],
): Grouped<Config & Groups, Call> {
  requireOption(typeof options === 'object' && options !== null, where, 'options', 'an object', options, 'Pass one.');
  const { groups: count, dim, ...rest } = options;
  requireInteger(where, 'groups', count, 1);
  requireInteger(where, 'dim', dim, 1);
  requireOption(
    dim % count === 0,
    where,
    'dim',
    `a multiple of groups (${count})`,
    dim,
    `Use ${nextMultiple(dim, count)}.`,
  );
  const { seed = 0 } = options;
  requireInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  const groups = Array.from({ length: count }, (_, g) =>
    createOne({ ...rest, dim: dim / count, seed: layerSeed(seed, g) } as unknown as Options),
  );
  const first = (groups[0] as Residual<Config, Call>).config;
  const config: Config & Groups = { ...first, dim, groups: count, seed };
  const dropsLayers = first.quantizeDropout && first.numQuantizers > 1;
  return createGroups<Config & Groups, Call>({
    kind,
    where,
    config,
    groups,
    prefix: 'rvqs',
    callOptions,
    ...(dropsLayers ? { drawLayers: (rng) => drawLayers(first, first.numQuantizers, rng) } : {}),
  });
}

function nextMultiple(dim: number, count: number): number {
  return Math.ceil(dim / count) * count;
}
