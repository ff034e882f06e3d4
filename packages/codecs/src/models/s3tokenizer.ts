import { UnsupportedError } from '@vqkit/core-tensor/errors';
import { createProjectedCodec } from '@vqkit/residual/codec';
import { fsqLayer, vqLayerOfUnits } from '../layers.ts';
import { linearOf, matrixOf } from '../view.ts';
import type { CodecModel } from './model.ts';

/** S3Tokenizer v1 of CosyVoice (arXiv:2407.05407): VQ, the row nearest to the latents at length 1. */
export const s3tokenizerV1: CodecModel = {
  name: 's3tokenizer-v1',
  source: 'the quantizer of xingchensong/S3Tokenizer, s3tokenizer/model.py',
  forms: [['_codebook.embed']],
  prefixEnd: 'quantizer.',
  load: async (view, extras) => vqLayerOfUnits(await matrixOf(view, '_codebook.embed'), extras),
};

/** S3Tokenizer v2 of CosyVoice 2 (arXiv:2412.10117), and v3: FSQ of three levels per digit after a projection. There is no way back from ids. */
export const s3tokenizerV2: CodecModel = {
  name: 's3tokenizer-v2',
  source: 'the quantizer of xingchensong/S3Tokenizer, s3tokenizer/model_v2.py',
  forms: [['_codebook.project_down.weight', '_codebook.project_down.bias']],
  oneWay: true,
  async load(view, extras) {
    const into = await linearOf(view.at('_codebook.project_down.'));
    const levels = Array.from({ length: into.rows }, () => 3);
    const inner = fsqLayer({ levels, bound: 's3Tokenizer' }, extras);
    const decode = (): never => {
      throw new UnsupportedError(
        'loadCodec().decode',
        'model',
        'be one that has latents for its ids',
        's3tokenizer-v2',
        'Its own decoder starts from the ids.',
      );
    };
    return { ...createProjectedCodec(inner, into, { weight: into.weight }, extras), decode };
  },
};
