import { createResidualCodec } from '@vqkit/residual/codec';
import { factorizedLayers } from './factorized.ts';
import type { CodecModel } from './model.ts';

/**
 * SNAC (arXiv:2410.14411): layers of DAC at several rates. A layer of stride s sees means of s frames; in the published models the first is
 * the coarsest and each has twice the rate of the one before it, 4, 2, 1 (24 kHz) or 8, 4, 2, 1 (32 and 44 kHz). Strides are not in the file.
 */
export const snac: CodecModel = {
  name: 'snac',
  source: 'the quantizer of hubertsiuzdak/snac',
  forms: [
    [
      'quantizers.0.codebook.weight',
      'quantizers.0.in_proj.parametrizations.weight.original0',
      'quantizers.0.out_proj.parametrizations.weight.original0',
    ],
  ],
  async load(view, extras) {
    const layers = await factorizedLayers(view, 'quantizers', 'codebook.weight', extras);
    return createResidualCodec(
      layers,
      layers.map((_, i) => 2 ** (layers.length - 1 - i)),
    );
  },
};
