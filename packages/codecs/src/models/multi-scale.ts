import { OptionError } from '@vqkit/core-tensor/errors';
import { createMultiScaleCodec, createProjectedCodec, type Phi } from '@vqkit/residual/codec';
import { lfqLayer, vqLayer } from '../layers.ts';
import { layersOf, projectionOf, type View } from '../view.ts';
import { MOST_BITS } from './images.ts';
import type { CodecModel, ModelExtras } from './model.ts';

/** The scales of VAR at 256 × 256 pixels, and of Infinity at a million. */
const VAR_SCALES = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16];
const INFINITY_SCALES = [1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64];

const sizesOf = (scales: NonNullable<ModelExtras['scales']>): (readonly [number, number])[] =>
  scales.map((scale) => (typeof scale === 'number' ? [scale, scale] : scale));

/** How much of φ is its convolution: `quant_resi` of the published models. */
const RATIO = 0.5;

/**
 * VAR (arXiv:2404.02905): an image at several scales, one codebook. What is left is averaged over the places of a scale, the nearest rows are
 * brought to full size by bicubic interpolation, and φ(h) = ½ h + ½ conv(h) smooths them. Scales are not in the file.
 */
export const varModel: CodecModel = {
  name: 'var',
  source: 'quantize of FoundationVision/VAR, after quant_conv',
  // One φ for some scales each, one for each scale, or one for all.
  forms: ['qresi_ls.0', '0', 'qresi'].map((phi) => [
    'embedding.weight',
    'ema_vocab_hit_SV',
    `quant_resi.${phi}.weight`,
    `quant_resi.${phi}.bias`,
  ]),
  async load(view, extras) {
    const codebook = await view.matrix('embedding.weight');
    const { rows } = await view.sized('ema_vocab_hit_SV', undefined, codebook.rows);
    const { scales = VAR_SCALES } = extras;
    if (extras.scales === undefined && rows !== scales.length) {
      const rule = `given for a file of ${rows} scales`;
      const fix = 'Pass for example [1, 2, 3, 4].';
      throw new OptionError('loadCodec', 'scales', `be ${rule}`, extras.scales, fix);
    }
    const shared = [view.at('quant_resi.qresi.')].filter(hasWeight);
    const some = ['quant_resi.qresi_ls', 'quant_resi'].flatMap((name) => layersOf(view, name, hasWeight));
    const phis = await Promise.all([...some, ...shared].map((at) => phiOf(at, codebook.columns)));
    const ticks = ticksOf(phis.length);
    const phi = scales.map((_, s) => phis[nearest(ticks, s / Math.max(1, scales.length - 1))] as Phi);
    return createMultiScaleCodec(vqLayer(codebook, extras), { scales: sizesOf(scales), up: 'bicubic', phi });
  },
};

const hasWeight = (view: View): boolean => view.has('weight');

async function phiOf(view: View, dim: number): Promise<Phi> {
  return { weight: await view.convolution('weight', dim, 3), bias: await view.vector('bias', dim), ratio: RATIO };
}

/** Between the first scale, 0, and the last, 1: rounded as `numpy.linspace` does, because of ten scales one is equally near to two of four ticks. */
function ticksOf(count: number): number[] {
  const first = 1 / (count === 4 ? 3 : 2) / count;
  const last = 1 - first;
  const step = (last - first) / (count - 1);
  return Array.from({ length: count }, (_, k) => (k === count - 1 ? last : k * step + first));
}

function nearest(ticks: readonly number[], place: number): number {
  const distances = ticks.map((tick) => Math.abs(tick - place));
  return distances.indexOf(Math.min(...distances));
}

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
    const bits = await view.length('lfq.mask');
    const perId =
      bits <= MOST_BITS
        ? bits
        : [16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1].find((own) => bits % own === 0);
    const codebook = {
      codebookSize: 2 ** (perId ?? 1),
      numCodebooks: bits / (perId ?? 1),
      codebookScale: 1 / Math.sqrt(bits),
    };
    const { scales = INFINITY_SCALES } = extras;
    const inner = lfqLayer({ dim: bits, ...codebook }, extras);
    const stack = createMultiScaleCodec(inner, { scales: sizesOf(scales), up: 'bilinear' });
    if (!view.has('project_in.weight')) return stack;
    const into = await projectionOf(view.at('project_in.'), bits);
    return createProjectedCodec(stack, into, await projectionOf(view.at('project_out.'), into.columns, bits));
  },
};
