import type { Tensor } from '@tensorflow/tfjs-core';
import { exampleShape, isAudioConfig, isVectorConfig, type Tokenizer, type TokenizerConfig } from '@vqkit/tokenizer';
import { type Graph, writeModel } from './graph.ts';
import { dataPort } from './network.ts';
import { addLayers, channelsFirst, channelsLast } from './operations.ts';
import { addDecode, addEncode, idsPort, type QuantizerGraphs, quantizerGraphs } from './quantizer.ts';
import { translateQuantizer } from './quantizers/translate.ts';
import { readState } from './state.ts';

/** A tokenizer as four graphs, each the bytes of a file. */
export interface TokenizerGraphs extends QuantizerGraphs {
  /** Data, `images`, `vectors` or `audio`, float32 → `ids`, int32. */
  readonly encoder: Uint8Array;
  /** `ids`, int32 → data, float32. */
  readonly decoder: Uint8Array;
}

/** What a file calls data of each modality, and what is done with the decoder's output. */
type Port = { readonly name: string; finish(graph: Graph, x: string): string };
const DATA: Readonly<Record<'images' | 'vectors' | 'audio', Port>> = {
  images: { name: 'images', finish: clampToUnit },
  vectors: { name: 'vectors', finish: (_, x) => x },
  audio: { name: 'audio', finish: clampToUnit },
};

/** NaN stays, which marks ids without a code. */
function clampToUnit(graph: Graph, x: string): string {
  const clipped = graph.node('Clip', [x, graph.floats([-1], []), graph.floats([1], [])]);
  return graph.node('Where', [graph.node('IsNaN', [x]), x, clipped]);
}

function portOf(config: TokenizerConfig): Port {
  if (isVectorConfig(config)) return DATA.vectors;
  return isAudioConfig(config) ? DATA.audio : DATA.images;
}

/**
 * A tokenizer as ONNX files of opset 17: `encoder` (data → ids), `decoder` (ids → data), and the quantizer between them alone, `quantize` (latents → ids) and
 * `dequantize` (ids → codes).
 *
 * - Images are float32 [batch, channels, height, width] in [-1, 1], channels FIRST as PyTorch and other ONNX files of images have them, latents and codes
 *   [batch, dim, rows, columns]; vectors [batch, features]; sound [batch, channels, samples]. Ids are int32 [batch, rows, columns], [batch] or [batch, frames], with a trailing axis where a token has several, as in vqkit.
 * - Batch, height and width may be any that the tokenizer takes.
 * - What the quantizer does, see {@link exportQuantizer}. Convolutions add in another order than vqkit's engines do, so that a latent within rounding of a boundary may go to
 *   the neighbouring code, as between those engines.
 * - The description stands in each file's metadata as `tokenizer`, JSON.
 *
 * @returns the bytes of the files, the same for the same tokenizer.
 * @throws UnsupportedError for a quantizer or an operation that has no translation; DisposedError.
 * @example
 * const { encoder, decoder } = await exportOnnx(createImageTokenizer({ quantizer: 'fsq' }));
 */
export async function exportOnnx(
  tokenizer: Pick<Tokenizer<Tensor, TokenizerConfig>, 'config' | 'quantizer' | 'describe' | 'stateDict'>,
): Promise<TokenizerGraphs> {
  const where = 'exportOnnx';
  const { config, quantizer } = tokenizer;
  const shape = exampleShape(config);
  const { encoder, decoder } = tokenizer.describe(shape);
  const weights = await readState(tokenizer.stateDict());
  const translation = await translateQuantizer(where, quantizer);
  const { name, finish } = portOf(config);
  const data = dataPort(name, shape);
  const ids = idsPort(quantizer, shape.length - 2);
  const metadata = { tokenizer: JSON.stringify(config) };
  const rank = shape.length;
  return {
    encoder: writeModel({ name: 'encoder', inputs: [data], outputs: [ids], metadata }, (graph, [x = '']) => {
      const latents = addLayers(where, graph, encoder.layers, weights, x);
      return [addEncode(graph, channelsLast(graph, latents, rank), quantizer, translation)];
    }),
    decoder: writeModel({ name: 'decoder', inputs: [ids], outputs: [data], metadata }, (graph, [given = '']) => {
      const codes = channelsFirst(graph, addDecode(graph, given, quantizer, translation), rank);
      return [finish(graph, addLayers(where, graph, decoder.layers, weights, codes))];
    }),
    ...quantizerGraphs(quantizer, translation, { axes: rank - 2, isFirst: true, metadata }),
  };
}
