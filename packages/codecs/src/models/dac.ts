import type { CodecExtras } from '@vqkit/core-tensor/codec';
import { createProjectedCodec, createResidualCodec, type StackCodec } from '@vqkit/residual/codec';
import { vqLayer } from '../layers.ts';
import { hasProjection, layersOf, projectionOf, type View } from '../view.ts';
import type { CodecModel } from './model.ts';

/**
 * Descript Audio Codec (arXiv:2306.06546): residual VQ of factorized layers. Each projects in, takes the code of nearest direction, and
 * projects out the code as it is. Its projections are weight-normed, in transformers plain.
 */
export const dac: CodecModel = {
  name: 'dac',
  source: 'the quantizer of descriptinc/descript-audio-codec',
  forms: ['weight_g', 'weight'].map((weight) => [
    'quantizers.0.codebook.weight',
    `quantizers.0.in_proj.${weight}`,
    `quantizers.0.out_proj.${weight}`,
  ]),
  load: async (view, extras) =>
    createResidualCodec(await factorizedLayers(view, 'quantizers', 'codebook.weight', extras)),
};

/** Layers of in_proj, codes and out_proj. */
export async function factorizedLayers(
  view: View,
  name: string,
  key: string,
  extras: CodecExtras,
): Promise<StackCodec[]> {
  const layers = layersOf(view, name, (layer) => layer.has(key) && hasProjection(layer.at('in_proj.')));
  return Promise.all(
    layers.map(async (layer) => {
      const codebook = await layer.matrix(key);
      const into = await projectionOf(layer.at('in_proj.'), codebook.columns);
      const out = await projectionOf(layer.at('out_proj.'), into.columns, into.rows);
      return createProjectedCodec(vqLayer(codebook, extras, { metric: 'cosine' }), into, out);
    }),
  );
}
