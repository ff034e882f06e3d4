import { createProjectedCodec } from '@vqkit/residual/codec';
import { fsqLayer } from '../layers.ts';
import { linearOf } from '../view.ts';
import type { CodecModel } from './model.ts';

/**
 * X-Codec2 (arXiv:2502.04128) and NeuCodec: FSQ of four levels per digit between projections, made with a ResidualFSQ that bounded its input
 * twice (vector-quantize-pytorch up to 1.18.2).
 */
export const xcodec2: CodecModel = {
  name: 'xcodec2',
  source: 'generator.quantizer of zhenye234/X-Codec-2.0',
  forms: [['project_in.weight', 'project_in.bias', 'project_out.weight', 'project_out.bias']],
  prefixEnd: 'quantizer.',
  without: ['lfq.mask'],
  async load(view, extras) {
    const into = await linearOf(view.at('project_in.'));
    const out = await linearOf(view.at('project_out.'), into.columns, into.rows);
    const levels = Array.from({ length: into.rows }, () => 4);
    return createProjectedCodec(fsqLayer({ levels, bound: 'twice' }, extras), into, out, extras);
  },
};
