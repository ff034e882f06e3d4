import { createBilinearCodec, createProjectedCodec } from '@vqkit/residual/codec';
import { lfqLayer } from '../layers.ts';
import { lengthOf, linearOf } from '../view.ts';
import { type CodecModel, MOST_BITS, sizesOf } from './model.ts';

/** At a million pixels. */
const INFINITY_SCALES = [1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64];

/** Of one id where there are several. */
const MOST_GROUPED = 16;

/**
 * Infinity (arXiv:2412.04431): an image at several scales, signs on the sphere, bilinear interpolation; the first feature is the most significant bit.
 * Ids of more than 30 bits are those of groups, 16 bits as a rule; `bitLabels` makes the published labels of them. Scales are not in the file.
 */
export const infinity: CodecModel = {
  name: 'infinity',
  source: 'quantizer of FoundationVision/Infinity (MultiScaleBSQ), new_quant',
  forms: [['lfq.mask']],
  without: ['layernorm.weight'],
  async load(view, extras) {
    const bits = lengthOf(view, 'lfq.mask');
    let perId = bits <= MOST_BITS ? bits : MOST_GROUPED;
    while (bits % perId !== 0) perId--;
    const { scales = INFINITY_SCALES } = extras;
    const inner = lfqLayer(bits, perId, { codebookScale: 1 / Math.sqrt(bits) }, extras);
    const stack = createBilinearCodec(inner, sizesOf(scales));
    if (!view.has('project_in.weight')) return stack;
    const into = await linearOf(view.at('project_in.'), bits);
    return createProjectedCodec(stack, into, await linearOf(view.at('project_out.'), into.columns, bits), extras);
  },
};
