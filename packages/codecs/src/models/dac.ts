import { createResidualCodec } from '@vqkit/residual/codec';
import { factorizedLayers } from './factorized.ts';
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
