import { type Quantizer, requireKnownOptions, requireOption } from '@vqkit/core-tensor';
import { noFrame } from './frame.ts';
import { createMembers } from './members.ts';
import { type LayerScale, requireScales } from './scales.ts';
import { createStack, type Residual } from './stack.ts';
import { resolveStack, STACK_OPTIONS, type StackOptions } from './stack-options.ts';

const WHERE = 'createResidual';

export interface ResidualOptions extends StackOptions {
  /**
   * The layers, coarsest first: any quantizers of one dim, compositions too. A quantizer that stands several times is shared. They
   * belong to the stack from now on.
   */
  readonly layers: readonly Quantizer[];
  /** s_j: what layer j sees is divided by it, and its codes are multiplied; one number, or one per feature. Default 1. */
  readonly scales?: readonly LayerScale[];
}

/** A quantizer as the configuration of a composition names it. */
export interface MemberConfig {
  readonly kind: string;
  readonly config: unknown;
}

/** {@link ResidualOptions} as plain data. */
export interface ResidualConfig extends Required<StackOptions> {
  readonly layers: readonly MemberConfig[];
  readonly scales: readonly LayerScale[];
}

/**
 * Residual quantization: each layer quantizes what the layers before it have left over, and the code is the sum of the layers' codes.
 *
 * `r_0 = x`, `q_j = s_j · layer_j(r_j / s_j)`, `r_{j+1} = r_j - sg(q_j)`, `quantized = Σ_j q_j`, with s_j = `scales[j]` and sg = stop
 * gradient.
 *
 * - Shapes: x is [batch, …, dim] (any rank >= 2, `dataFormat` places the feature axis); indices are int32 [batch, …, C] with one
 *   column per codebook, layer after layer: C = Q for Q layers of one codebook each, also for Q = 1. A layer that is itself a
 *   composition has its columns side by side, so that every nesting has one axis.
 * - Losses: every loss of every layer as `layer0.commitment` and so on, and under the plain name `commitment` their sum over the
 *   layers; unweighted, in the units of the scaled layer. `loss` is the sum of the layers' own.
 * - Gradient of `quantized`: `identity` to x, whatever the layers do (they count as one rounding; what only their `quantized` trains,
 *   such as projections, still gets its gradient, in the same run); `perLayer` is the sum of the layers' own.
 *   The losses of every layer reach x and its own weights.
 * - Quantize dropout (training only): the first n layers run, n - 1 uniform from `quantizeDropoutCutoffIndex` to Q - 1, n rounded up
 *   to `quantizeDropoutMultipleOf`; the others have index -1 and loss 0. `quantize(z, { layers: n })` chooses n.
 * - `decode` sums the layers' own `decode`, and equals `quantized` bit for bit. `decode(indices, { layers: n })` sums the first n.
 *   -1 in all columns gives zeros; in those of the last layers it adds nothing if `quantizeDropout` is on; anywhere else, and any
 *   other index out of range, it gives NaN in the whole token (check with `assertLayerIndices`).
 * - Ties, NaN and infinity: as the layers have them.
 * - State: `layers.0.…`; a shared layer stands there once. Random numbers of the layers follow from the stack's own `rng`.
 *
 * Differs from vector-quantize-pytorch: the gradient (there Q-fold); codes come from each layer's own decode, never from its table, so
 * that spherical, rotated and image layouts decode right; decoding from fewer layers does not need dropout; dropout is seeded.
 *
 * Source: Zeghidour et al., "SoundStream: An End-to-End Neural Audio Codec", arXiv:2107.03312, algorithm 1.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const layers = [1, 0.5, 0.25].map((codebookScale) => createLfq({ dim: 8, codebookScale }));
 * const residual = createResidual({ layers });
 * const { quantized, indices } = residual.quantize(tf.randomNormal([2, 49, 8])); // [2, 49, 8] and int32 [2, 49, 3]
 * const coarse = residual.decode(indices, { layers: 1 });
 */
export function createResidual(options: ResidualOptions): Residual<ResidualConfig> {
  requireKnownOptions(WHERE, options, ['layers', 'scales', ...STACK_OPTIONS]);
  const { layers } = options;
  const { dims } = createMembers(WHERE, 'layers', layers, 'layer');
  const dim = dims[0] as number;
  for (const [j, own] of dims.entries()) {
    const rule = `${dim} features wide as layers[0] is`;
    requireOption(own === dim, WHERE, `layers[${j}]`, rule, own, `Create it with dim: ${dim}.`);
  }
  const { scales = layers.map(() => 1) } = options;
  requireScales(WHERE, scales, layers.length, dim);
  const config: ResidualConfig = {
    layers: layers.map(({ kind, config }) => ({ kind, config })),
    scales,
    ...resolveStack(WHERE, options, layers.length),
  };
  return createStack({ kind: 'Residual', where: WHERE, config, layers, scales, frame: noFrame(dim) });
}
