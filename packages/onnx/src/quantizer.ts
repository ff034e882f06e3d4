import { tidy, zeros } from '@tensorflow/tfjs-core';
import { type Quantizer, requireInteger, requireKnownOptions, requireOneOf } from '@vqkit/core-tensor';
import { type Graph, type Port, writeModel } from './graph.ts';
import { channelsFirst, channelsLast } from './operations.ts';
import { translateQuantizer } from './quantizers/translate.ts';
import type { Translation } from './quantizers/translation.ts';

/** Names of the axes of tokens after the batch, by their number. */
const PLACES: readonly (readonly string[])[] = [[], ['length'], ['rows', 'columns'], ['frames', 'rows', 'columns']];

/** A quantizer as two graphs, each the bytes of a file. */
export interface QuantizerGraphs {
  /** `latents`, float32 → `ids`, int32. */
  readonly quantize: Uint8Array;
  /** `ids`, int32 → `codes`, float32. */
  readonly dequantize: Uint8Array;
}

export interface ExportQuantizerOptions {
  /** Axes between batch and features: 0 for vectors, 1 for sequences, 2 for images, 3 for videos. Default 1. */
  readonly axes?: number;
  /** Where the features of latents and codes stand: second as in PyTorch's images, or last. Default what the quantizer's `dataFormat` says. */
  readonly dataFormat?: 'channelsFirst' | 'channelsLast';
}

/**
 * A quantizer as two ONNX files, both ways. Latents are float32 [batch, …, dim], or [batch, dim, …] with `channelsFirst`; ids are int32 [batch, …], with the trailing
 * axis of codebooks where `encode` gives one. Every size but `dim` and the number of codebooks may be any.
 *
 * Ids are those of the quantizer: FSQ by comparison with its thresholds, LFQ by signs, codebooks by distances in float64 with the lowest index on ties. Behind
 * projections, the rotation, cosine similarity and the bound of residual FSQ float32 may round otherwise, which decides where two codes are equally near but for that.
 * In `dequantize` a token of nothing but -1 gives 0, any other id out of range NaN.
 *
 * @returns the bytes of the files, the same for the same quantizer.
 * @throws OptionError when an option breaks its rule; UnsupportedError for a quantizer that has no translation, and FSQ of more than 1024 levels a feature; DisposedError.
 * @example
 * const { quantize, dequantize } = await exportQuantizer(createFsq({ levels: [8, 5, 5] }), { axes: 2 });
 */
export async function exportQuantizer(
  quantizer: Quantizer,
  options: ExportQuantizerOptions = {},
): Promise<QuantizerGraphs> {
  const where = 'exportQuantizer';
  requireKnownOptions(where, options, ['axes', 'dataFormat']);
  const { dataFormat: own = 'channelsLast' } = quantizer.config as Pick<ExportQuantizerOptions, 'dataFormat'>;
  const { axes = 1, dataFormat = own } = options;
  requireInteger(where, 'axes', axes, 0, PLACES.length - 1);
  requireOneOf(where, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  const translation = await translateQuantizer(where, quantizer);
  return quantizerGraphs(quantizer, translation, { axes, isFirst: dataFormat === 'channelsFirst', metadata: {} });
}

/** What {@link exportQuantizer} gives. */
export function quantizerGraphs(
  quantizer: Quantizer,
  translation: Translation,
  { axes, isFirst, metadata }: { axes: number; isFirst: boolean; metadata: Readonly<Record<string, string>> },
): QuantizerGraphs {
  const places = PLACES[axes] as readonly string[];
  const { dim } = quantizer;
  const features = (name: string): Port => {
    const shape = isFirst ? ['batch', dim, ...places] : ['batch', ...places, dim];
    return { name, type: 'float32', shape };
  };
  const ids = idsPort(quantizer, axes);
  const rank = axes + 2;
  return {
    quantize: writeModel(
      { name: 'quantize', inputs: [features('latents')], outputs: [ids], metadata },
      (graph, [x = '']) => [addEncode(graph, isFirst ? channelsLast(graph, x, rank) : x, quantizer, translation)],
    ),
    dequantize: writeModel(
      { name: 'dequantize', inputs: [ids], outputs: [features('codes')], metadata },
      (graph, [given = '']) => {
        const codes = addDecode(graph, given, quantizer, translation);
        return [isFirst ? channelsFirst(graph, codes, rank) : codes];
      },
    ),
  };
}

/** Ids of tokens with so many axes after the batch. */
export function idsPort(quantizer: Quantizer, axes: number): Port {
  const places = PLACES[axes] as readonly string[];
  return { name: 'ids', type: 'int32', shape: ['batch', ...places, ...codebookAxis(quantizer)] };
}

/** [batch, …, dim] → ids. */
export function addEncode(graph: Graph, latents: string, quantizer: Quantizer, { encode }: Translation): string {
  const own = graph.at('quantizer');
  const ids = encode(own, flattened(own, latents, quantizer.dim));
  return own.node('Reshape', [ids, shapeWith(own, own.node('Shape', [latents], { end: -1 }), codebookAxis(quantizer))]);
}

/** ids → [batch, …, dim]. */
export function addDecode(graph: Graph, ids: string, quantizer: Quantizer, { decode }: Translation): string {
  const own = graph.at('quantizer');
  const trailing = codebookAxis(quantizer).length;
  const tokens = own.node('Shape', [ids], trailing > 0 ? { end: -trailing } : {});
  const codes = decode(own, flattened(own, ids, quantizer.numCodebooks));
  return own.node('Reshape', [codes, shapeWith(own, tokens, [quantizer.dim])]);
}

/** All but the last axis as one. */
function flattened(graph: Graph, x: string, width: number): string {
  return graph.node('Reshape', [x, graph.int64([-1, width])]);
}

function shapeWith(graph: Graph, shape: string, more: readonly number[]): string {
  return more.length === 0 ? shape : graph.node('Concat', [shape, graph.int64(more)], { axis: 0 });
}

/** The axis that ids have after that of the tokens, if any. */
function codebookAxis(quantizer: Quantizer): number[] {
  return tidy(() => quantizer.encode(zeros([0, quantizer.dim])).shape.slice(1));
}
