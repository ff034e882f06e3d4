import { createResidualCodec } from '@vqkit/residual/codec';
import { vqLayer } from '../layers.ts';
import { layersOf, matrixOf } from '../view.ts';
import type { CodecModel } from './model.ts';

/**
 * EnCodec (arXiv:2210.13438), and WavTokenizer, which is one layer of it: residual VQ, the nearest row of `embed`. The bandwidth is the number
 * of layers. In the names of facebookresearch/encodec, or of transformers.
 */
export const encodec: CodecModel = {
  name: 'encodec',
  source: 'the quantizer of facebookresearch/encodec',
  forms: [['vq.layers.0._codebook.embed'], ['layers.0.codebook.embed']],
  async load(view, extras) {
    const [layers, key] = view.has('vq.layers.0._codebook.embed')
      ? [view.at('vq.'), '_codebook.embed']
      : [view, 'codebook.embed'];
    const codes = layersOf(layers, 'layers', (layer) => layer.has(key));
    return createResidualCodec(
      await Promise.all(codes.map(async (layer) => vqLayer(await matrixOf(layer, key), extras))),
    );
  },
};
