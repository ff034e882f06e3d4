import { add, concat, fill, stack, sub, type Tensor, type Tensor2D, transpose, zeros } from '@tensorflow/tfjs-core';
import {
  createRng,
  decodeInPieces,
  detach,
  layoutOf,
  type QuantizeOptions,
  type Quantizer,
  requireInteger,
  sameSpace,
  type TokenCall,
  type TokenResult,
  withoutGradient,
  zerosFrom,
} from '@vqkit/core-tensor';
import { createComposition, type ResidualDecodeOptions, type ResidualQuantizeOptions } from './composition.ts';
import { createLayerDecoder } from './decode-layers.ts';
import type { Frame } from './frame.ts';
import { type FusedStack, fusedCodebooks } from './fused.ts';
import { passGradient } from './gradient.ts';
import { createMembers, type Losses, sumOf } from './members.ts';
import { toRows } from './rows.ts';
import { createScaling, type LayerScale, type ScaledLayer } from './scales.ts';
import { drawLayers, type StackOptions } from './stack-options.ts';

/** A residual stack: a quantizer of the contract that also gives its layers one by one. */
export interface Residual<Config = unknown, Call extends ResidualQuantizeOptions = ResidualQuantizeOptions>
  extends Quantizer<Config, string, Call> {
  /** The layers, coarsest first. They belong to the stack: its `dispose` frees them. */
  readonly layers: readonly Quantizer[];
  /** s_j: what layer j sees is divided by it, and its codes are multiplied. */
  readonly scales: readonly LayerScale[];
  /** v of the bound `v tanh(x / v)` before the first layer, one number or one per feature; undefined where there is none. */
  readonly softClamp: readonly number[] | undefined;
  /**
   * As in the contract. With `quantizeDropout` a token's last layers may have nothing but -1 and add nothing then; -1 in a layer
   * before one that has an index, or without `quantizeDropout`, gives NaN in the whole token.
   */
  decode(indices: Tensor, options?: ResidualDecodeOptions): Tensor;
  /** The codes of every layer, [Q, batch, …, codeDim] (channelsFirst [Q, batch, codeDim, …]); before `project_out`, 0 where dropped. */
  decodeLayers(indices: Tensor): Tensor;
}

/** Everything that a residual quantizer is made of. */
export interface StackParts<Config extends Required<StackOptions>, Call extends ResidualQuantizeOptions> {
  readonly kind: string;
  readonly where: string;
  readonly config: Config;
  readonly layers: readonly Quantizer[];
  readonly scales: readonly LayerScale[];
  readonly frame: Frame;
  /** Kernels for the whole stack, if they compute the same; they are used where they may be. */
  readonly fused?: FusedStack | undefined;
  /** Call options beside those of every stack; `layerCall` says what layer j gets of them. */
  readonly callOptions?: readonly string[];
  layerCall?(call: Call, j: number): object;
}

/** The algorithm of `createResidual`; what may be checked beforehand has been checked. */
export function createStack<Config extends Required<StackOptions>, Call extends ResidualQuantizeOptions>(
  parts: StackParts<Config, Call>,
): Residual<Config, Call> {
  const { where, config, frame, layerCall } = parts;
  const { gradient, dataFormat } = config;
  const count = parts.layers.length;
  const members = createMembers(where, 'layers', parts.layers, 'layer');
  const codeDim = members.dims[0] as number;
  const quantizeDropout = config.quantizeDropout && count > 1;
  const layers = parts.layers.map((layer, j): ScaledLayer => ({ layer, scale: createScaling(parts.scales[j] ?? 1) }));
  const rng = createRng(config.seed);

  /** [N, codebooks] with -1 for the layers that did not run. */
  const packed = (rows: readonly Tensor2D[]): Tensor2D => {
    const missing = members.numCodebooks - rows.reduce((sum, { shape }) => sum + shape[0], 0);
    const dropped = missing === 0 ? [] : [fill([missing, rows[0]?.shape[1] as number], -1, 'int32') as Tensor2D];
    return transpose(concat([...rows, ...dropped], 0));
  };

  const fused = parts.fused ?? fusedCodebooks(layers);
  const decoder = createLayerDecoder(layers, members, frame, quantizeDropout, fused);
  const { quantizer, withIndices } = createComposition<Config, Call>({
    ...parts,
    dim: frame.dim,
    dataFormat,
    rng,
    members,
    prefix: 'layers',
    parameters: frame.parameters,
    toCodeSpace: parts.layers.every((layer) => layer.toCodeSpace === sameSpace) ? frame.toCodeSpace : undefined,
    callOptions: ['layers', ...(parts.callOptions ?? [])],
    codebooksOfLayers: members.columns.slice(1),

    quantizeTokens(tokens: Tensor2D, { training, output, weights, options }: TokenCall<Call>): TokenResult<string> {
      if (options.layers !== undefined) requireInteger(`${where}().quantize`, 'layers', options.layers, 1, count);
      if (training) members.reseed(rng);
      const kept = options.layers ?? (training && quantizeDropout ? drawLayers(config, count, rng) : count);
      const x = frame.in(tokens);
      // Asked for its own variables only, a stack counts as one rounding, whatever its gradient is.
      const asOne = gradient === 'identity' || output !== tokens;
      const emitting = output === tokens ? x : frame.in(output);
      if (fused?.quantize && gradient === 'identity' && (fused.trains || !training)) {
        // What a layer would be told is of no use here, but it must be right.
        layerCall?.(options, 0);
        const [codes, indices] = fused.quantize(emitting, kept);
        const dropped = fill([indices.shape[0], count - kept], -1, 'int32') as Tensor2D;
        return {
          quantized: frame.out(decoder.complete(codes, kept)),
          indices: kept === count ? indices : concat([indices, dropped], 1),
        };
      }
      const rows: Tensor2D[] = [];
      const weighted = [];
      const losses: Losses[] = [];
      // Without losses nothing but the identity needs a gradient to x.
      let residual = training || gradient === 'perLayer' ? x : detach(x);
      let sum: Tensor2D | undefined;
      for (const [j, { layer, scale }] of layers.slice(0, kept).entries()) {
        const result = layer.quantize(scale.down(residual), {
          ...layerCall?.(options, j),
          outputGradient: asOne ? 'variables' : 'all',
          ...(training ? { training, mask: weights, step: options.step } : {}),
        } as QuantizeOptions);
        const quantized = scale.up(result.quantized as Tensor2D);
        const code = detach(quantized);
        rows.push(toRows(result.indices, layer));
        weighted.push(result.loss);
        losses.push(result.losses);
        sum = sum === undefined ? quantized : add(sum, quantized);
        if (j + 1 < kept) residual = sub(residual, code);
      }
      const total = decoder.complete(sum as Tensor2D, kept);
      const result = {
        quantized: frame.out(asOne ? passGradient(emitting, total) : total),
        indices: packed(rows),
      };
      return training ? { ...result, loss: sumOf(weighted), losses: members.combine(losses) } : result;
    },

    encodeTokens: (tokens) =>
      withoutGradient(() => {
        const x = frame.in(tokens);
        if (fused?.quantize) return fused.quantize(x, count)[1];
        const rows: Tensor2D[] = [];
        let residual = x;
        for (const [j, { layer, scale }] of layers.entries()) {
          const input = scale.down(residual);
          if (j + 1 === count) {
            rows.push(toRows(layer.encode(input), layer));
          } else {
            const { quantized, indices } = layer.quantize(input);
            rows.push(toRows(indices, layer));
            residual = sub(residual, scale.up(quantized as Tensor2D));
          }
        }
        return packed(rows);
      }),

    decodeIndices: (indices, kept = count) => decoder.sum(indices, kept),
  });

  return {
    ...quantizer,
    layers: parts.layers,
    scales: parts.scales,
    softClamp: frame.softClamp,
    decode: (indices, options = {}) =>
      withIndices('decode', indices, options, ({ indices: own, tokenShape, layers: kept }) => {
        const layout = layoutOf(tokenShape, frame.dim, dataFormat);
        const variables = Object.values(quantizer.variables());
        return layout.fromTokens(
          decodeInPieces(own, frame.dim, variables, (piece) => decoder.sum(piece, kept ?? count)),
        );
      }),
    decodeLayers: (indices) =>
      withIndices('decodeLayers', indices, {}, ({ indices: own, tokenShape }) => {
        const layout = layoutOf(tokenShape, codeDim, dataFormat);
        if (indices.size === 0) {
          const { shape } = layout.fromTokens(zeros([0, codeDim]));
          return zerosFrom([count, ...shape], Object.values(quantizer.variables()));
        }
        return stack(decoder.each(own).map((codes) => layout.fromTokens(codes)));
      }),
  };
}
