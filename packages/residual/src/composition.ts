import { reshape, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import {
  createQuantizer,
  type DataFormat,
  type Parameter,
  type QuantizeOptions,
  type Quantizer,
  type Rng,
  requireAlive,
  requireInteger,
  requireKnownOptions,
  type TokenCall,
  type TokenResult,
} from '@vqkit/core-tensor';
import type { Members } from './members.ts';
import { requireIndices } from './rows.ts';
import { createNestedState } from './state.ts';

/** What a call of `quantize` on a residual stack may say beside what every quantizer takes. */
export interface ResidualQuantizeOptions extends QuantizeOptions {
  /** Runs the first so many layers only, 1 to Q; the others' indices are -1. Default: all, or what quantize dropout draws. */
  readonly layers?: number | undefined;
}

export interface ResidualDecodeOptions {
  /** Decodes the first so many layers only, 1 to Q; `indices` may have the codebooks of all layers or of these. Default: all. */
  readonly layers?: number | undefined;
}

/** The part of a composition that is its own; {@link createComposition} adds the contract. */
export interface CompositionMethod<Config, Call extends QuantizeOptions> {
  readonly kind: string;
  readonly where: string;
  readonly config: Readonly<Config>;
  readonly dim: number;
  readonly dataFormat: DataFormat;
  readonly rng: Rng;
  readonly members: Members;
  /** Of the members' parameters in the state dict: `layers`, `groups` or `rvqs`. */
  readonly prefix: string;
  /** The composition's own parameters. */
  readonly parameters: readonly Parameter[];
  /** Options of `quantize` beside those of every quantizer. */
  readonly callOptions: readonly string[];
  /** Codebooks of the first n layers, for n = 1 to Q; empty when `decode` cannot stop at a layer. */
  readonly codebooksOfLayers: readonly number[];
  /** As in the contract, if there is one. */
  readonly toCodeSpace?: ((z: Tensor) => Tensor) | undefined;
  quantizeTokens(tokens: Tensor2D, call: TokenCall<Call>): TokenResult<string>;
  encodeTokens(tokens: Tensor2D): Tensor2D;
  /** int32 [N, codebooks], N >= 1, any values → [N, dim]: zeros for padding, NaN for what is no token. */
  decodeIndices(indices: Tensor2D, layers: number | undefined): Tensor2D;
}

/** The indices of a call, checked. */
interface CheckedIndices {
  /** int32 [N, codebooks]. */
  readonly indices: Tensor2D;
  readonly tokenShape: readonly number[];
  readonly layers: number | undefined;
}

/** A quantizer of the contract whose indices have a trailing axis, and what else reads such indices. */
export interface Composed<Config, Call extends QuantizeOptions> {
  readonly quantizer: Quantizer<Config, string, Call>;
  /** Checks the arguments of a method that takes indices, then runs `f` inside `tf.tidy`. */
  withIndices(
    call: string,
    indices: Tensor,
    options: ResidualDecodeOptions,
    f: (checked: CheckedIndices) => Tensor,
  ): Tensor;
}

export function createComposition<Config, Call extends QuantizeOptions>(
  method: CompositionMethod<Config, Call>,
): Composed<Config, Call> {
  const { where, members, codebooksOfLayers } = method;
  const { numCodebooks } = members;
  let disposed = false;

  const quantizer = createQuantizer<Config, string, Call>({
    ...method,
    codebookSize: members.codebookSize,
    numCodebooks,
    keepNumCodebooksDim: true,
    get lossNames() {
      return members.lossNames();
    },
    ...createNestedState(where, method.parameters, method.prefix, members.list),
    decodeTokens: (indices) => method.decodeIndices(indices, undefined),
    disposeExtra() {
      disposed = true;
    },
  });

  return {
    quantizer,
    withIndices(call, indices, options, f) {
      const name = `${where}().${call}`;
      requireAlive(disposed, name, 'the quantizer', method.kind);
      requireKnownOptions(name, options, codebooksOfLayers.length > 0 ? ['layers'] : []);
      const { layers } = options;
      if (layers !== undefined) requireInteger(name, 'layers', layers, 1, codebooksOfLayers.length);
      const fewer = layers === undefined ? numCodebooks : (codebooksOfLayers[layers - 1] as number);
      const tokenShape = requireIndices(name, indices, [...new Set([fewer, numCodebooks])], fixFor(indices));
      return tidy(() => {
        const columns = reshape(indices, [-1, indices.shape.at(-1) as number]) as Tensor2D;
        return f({ indices: columns, tokenShape, layers });
      });
    },
  };

  function fixFor({ shape }: Tensor): string {
    const layers = codebooksOfLayers.indexOf(shape?.at(-1) ?? 0) + 1;
    return layers > 0 ? `Pass { layers: ${layers} } to decode the first ${layers}.` : 'Pass what encode() returned.';
  }
}
