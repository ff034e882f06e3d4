import { OptionError, show } from '@vqkit/core-tensor/errors';
import { createMultiScaleCodec, type Phi } from '@vqkit/residual/codec';
import { vqLayer } from '../layers.ts';
import { layersOf, matrixOf, type View, vectorOf } from '../view.ts';
import { type CodecModel, sizesOf } from './model.ts';

/** At 256 × 256 pixels. */
const VAR_SCALES = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16];

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
    const codebook = await matrixOf(view, 'embedding.weight');
    const { rows } = await matrixOf(view, 'ema_vocab_hit_SV', undefined, codebook.rows);
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
  const kernel = show([dim, dim, 3, 3]);
  view.shape('weight', (shape) => show(shape) === kernel, kernel);
  return { weight: await view.floats('weight'), bias: await vectorOf(view, 'bias', dim), ratio: RATIO };
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
