import { createResidualCodec } from '@vqkit/residual/codec';
import { factorizedLayers } from './factorized.ts';
import type { CodecModel } from './model.ts';

/** BigCodec (arXiv:2409.05377): one layer of DAC's, with linear layers for convolutions. */
export const bigcodec: CodecModel = {
  name: 'bigcodec',
  source: 'generator.quantizer of Aria-K-Alethia/BigCodec',
  forms: ['weight_g', 'parametrizations.weight.original0', 'weight'].map((weight) => [
    'layers.0._codebook.weight',
    `layers.0.in_proj.${weight}`,
    `layers.0.out_proj.${weight}`,
  ]),
  load: async (view, extras) => createResidualCodec(await factorizedLayers(view, 'layers', '_codebook.weight', extras)),
};
