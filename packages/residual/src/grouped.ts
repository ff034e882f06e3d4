import {
  cast,
  concat,
  fill,
  isNaN as isNotANumber,
  logicalOr,
  max,
  min,
  notEqual,
  slice,
  stack,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  transpose,
} from '@tensorflow/tfjs-core';
import {
  createRng,
  type DataFormat,
  decodeInPieces,
  layoutOf,
  type QuantizeOptions,
  type Quantizer,
  type Rng,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  selectRows,
  sum,
  type TokenCall,
  type TokenResult,
  withoutGradient,
} from '@vqkit/core-tensor';
import { createComposition, type ResidualDecodeOptions, type ResidualQuantizeOptions } from './composition.ts';
import { createMembers, sumOf } from './members.ts';
import type { MemberConfig } from './residual.ts';
import { hasIndex, rowsOf, toRows } from './rows.ts';
import type { Residual } from './stack.ts';

const WHERE = 'createGrouped';

export interface GroupedOptions {
  /**
   * The groups, in the order of their features: any quantizers, of any dims, compositions too. A quantizer that stands several times
   * is shared. They belong to the whole from now on.
   */
  readonly groups: readonly Quantizer[];
  /** Default `channelsLast`. The groups' own does not matter. */
  readonly dataFormat?: DataFormat;
  /** Seed of the groups' random numbers while training. Default 0. */
  readonly seed?: number;
}

/** {@link GroupedOptions} as plain data. */
export interface GroupedConfig {
  readonly groups: readonly MemberConfig[];
  readonly dataFormat: DataFormat;
  readonly seed: number;
}

/** A grouped quantizer: a quantizer of the contract that also gives its groups. */
export interface Grouped<Config = unknown, Call extends QuantizeOptions = ResidualQuantizeOptions>
  extends Quantizer<Config, string, Call> {
  /** The groups, in the order of their features. They belong to the whole: its `dispose` frees them. */
  readonly groups: readonly Quantizer[];
  /** As in the contract; `layers` where every group is a residual stack. */
  decode(indices: Tensor, options?: ResidualDecodeOptions): Tensor;
}

/** Everything that a grouped quantizer is made of. */
export interface GroupedParts<Config> {
  readonly kind: string;
  readonly where: string;
  readonly config: Config & { readonly dataFormat: DataFormat; readonly seed: number };
  readonly groups: readonly Quantizer[];
  /** Of the groups' parameters in the state dict. */
  readonly prefix: string;
  /** Call options that all groups take. */
  readonly callOptions?: readonly string[];
  /** Number of layers that run in a training call that does not say it, the same in all groups. */
  drawLayers?(rng: Rng): number | undefined;
}

/**
 * Grouped quantization: the features are split into groups, in order, each with a quantizer of its own.
 *
 * - Shapes: x is [batch, …, dim] (any rank >= 2, `dataFormat` places the feature axis), dim the sum of the groups'; indices are int32
 *   [batch, …, C] with one column per codebook, group after group. (The reference library stacks the groups on a leading axis:
 *   `transpose(reshape(indices, [b, n, G, Q]), [2, 0, 1, 3])` gives its form.)
 * - Losses: `group0.commitment` and so on, and under the plain name the sum over the groups; `loss` is the sum of the groups' own.
 * - Gradient, ties, NaN: those of each group, for its features.
 * - `decode`: -1 in all columns gives zeros; a token that is not one in some group gives NaN as a whole.
 * - State: `groups.0.…`; a shared group stands there once.
 *
 * Differs from vector-quantize-pytorch: any quantizers, not only residual ones; one trailing axis of indices, so that compositions nest;
 * image layouts work.
 *
 * Source: Yang et al., "HiFi-Codec: Group-residual Vector quantization for High Fidelity Audio Codec", arXiv:2305.02765.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const grouped = createGrouped({ groups: [createFsq({ levels: [8, 5, 5] }), createLfq({ dim: 4 })] });
 * const { quantized, indices } = grouped.quantize(tf.randomNormal([2, 49, 7])); // [2, 49, 7] and int32 [2, 49, 2]
 */
export function createGrouped(options: GroupedOptions): Grouped<GroupedConfig> {
  requireKnownOptions(WHERE, options, ['groups', 'dataFormat', 'seed']);
  const { groups, dataFormat = 'channelsLast', seed = 0 } = options;
  createMembers(WHERE, 'groups', groups, 'group');
  requireOneOf(WHERE, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  requireInteger(WHERE, 'seed', seed, 0, 2 ** 32 - 1);
  const config = { groups: groups.map(({ kind, config }) => ({ kind, config })), dataFormat, seed };
  return createGroups({ kind: 'Grouped', where: WHERE, config, groups, prefix: 'groups' });
}

/** The algorithm of `createGrouped`; what may be checked beforehand has been checked. */
export function createGroups<Config, Call extends ResidualQuantizeOptions>(
  parts: GroupedParts<Config>,
): Grouped<Config, Call> {
  const { where, config, groups } = parts;
  const members = createMembers(where, 'groups', groups, 'group');
  const dim = members.dims.reduce((total, own) => total + own, 0);
  const starts = members.dims.map((_, g) => members.dims.slice(0, g).reduce((total, own) => total + own, 0));
  const depths = groups.map((group) => ('layers' in group ? (group as Residual).layers.length : 0));
  const depth = Math.min(...depths);
  const rng = createRng(config.seed);
  const featuresOf = (tokens: Tensor2D, g: number): Tensor2D =>
    slice(tokens, [0, starts[g] as number], [-1, members.dims[g] as number]);
  const callOptions = [...(depth > 0 ? ['layers'] : []), ...(parts.callOptions ?? [])];

  const join = (parts: readonly Tensor2D[]): Tensor2D =>
    parts.length === 1 ? (parts[0] as Tensor2D) : concat([...parts], 1);
  const packed = (indices: readonly Tensor[]): Tensor2D =>
    transpose(
      concat(
        indices.map((own, g) => toRows(own, groups[g] as Quantizer)),
        0,
      ),
    );

  const decodeIndices = (indices: Tensor2D, layers: number | undefined): Tensor2D => {
    const rows: Tensor2D = transpose(indices);
    const own = groups.map((_, g) => rowsOf(rows, members, g));
    const codes = groups.map((group, g) => {
      const part = members.fromRows(own[g] as Tensor2D, g);
      return (layers === undefined ? group.decode(part) : (group as Residual).decode(part, { layers })) as Tensor2D;
    });
    const joined = join(codes);
    if (groups.length === 1) return joined;
    const present = cast(stack(own.map(hasIndex)), 'int32');
    const differ = notEqual(max(present, 0), min(present, 0));
    const broken = logicalOr(differ, isNotANumber(sum(joined, 1)));
    return selectRows(broken as Tensor1D, fill(joined.shape, Number.NaN), joined);
  };

  const { quantizer, withIndices } = createComposition<Config, Call>({
    ...parts,
    dim,
    dataFormat: config.dataFormat,
    rng,
    members,
    parameters: [],
    callOptions,
    codebooksOfLayers: new Array<number>(depth).fill(members.numCodebooks),

    quantizeTokens(tokens: Tensor2D, { training, weights, options }: TokenCall<Call>): TokenResult<string> {
      if (options.layers !== undefined) requireInteger(`${where}().quantize`, 'layers', options.layers, 1, depth);
      if (training) members.reseed(rng);
      const layers = options.layers ?? (training ? parts.drawLayers?.(rng) : undefined);
      const { mask: _, step, training: __, ...passed } = options;
      const results = groups.map((group, g) =>
        group.quantize(featuresOf(tokens, g), {
          ...passed,
          ...(layers === undefined ? {} : { layers }),
          ...(training ? { training, mask: weights, step } : {}),
        } as QuantizeOptions),
      );
      const result = {
        quantized: join(results.map(({ quantized }) => quantized as Tensor2D)),
        indices: packed(results.map(({ indices }) => indices)),
      };
      if (!training) return result;
      return {
        ...result,
        loss: sumOf(results.map(({ loss }) => loss)),
        losses: members.combine(results.map(({ losses }) => losses)),
      };
    },

    encodeTokens: (tokens) =>
      withoutGradient(() => packed(groups.map((group, g) => group.encode(featuresOf(tokens, g))))),

    decodeIndices,
  });

  return {
    ...quantizer,
    groups,
    decode: (indices, options = {}) =>
      withIndices('decode', indices, options, ({ indices: own, tokenShape, layers }) => {
        const layout = layoutOf(tokenShape, dim, config.dataFormat);
        const variables = Object.values(quantizer.variables());
        return layout.fromTokens(decodeInPieces(own, dim, variables, (piece) => decodeIndices(piece, layers)));
      }),
  };
}
