import { fsqLayer, lfqLayer, productLayer, simVqLayer, unitLayer, vqLayer } from '../layers.ts';
import { lengthOf, linearOf, matrixOf, type View } from '../view.ts';
import { type CodecModel, MOST_BITS } from './model.ts';

/** One key that says nothing of the mathematics, and those that tell other models. */
const ONE_EMBEDDING = [['embedding.weight']];
const OF_OTHERS = ['codebook_used', 'embedding_proj.weight', 'ema_vocab_hit_SV'];

const loadNearest: CodecModel['load'] = async (view, extras) =>
  vqLayer(await matrixOf(view, 'embedding.weight'), extras);
const loadUnit: CodecModel['load'] = async (view, extras) =>
  unitLayer(await matrixOf(view, 'embedding.weight'), extras);

/** LlamaGen (arXiv:2406.06525): VQ, the row of nearest direction, at length 1. */
export const llamagen: CodecModel = {
  name: 'llamagen',
  source: 'quantize of FoundationVision/LlamaGen, after quant_conv',
  forms: [['embedding.weight', 'codebook_used']],
  load: loadUnit,
};

/** VQGAN (arXiv:2012.09841): VQ, the nearest row. */
export const tamingVqgan: CodecModel = {
  forms: ONE_EMBEDDING,
  prefixEnd: 'quantize.',
  without: OF_OTHERS,
  mustBeNamed: true,
  name: 'taming-vqgan',
  source: 'quantize of CompVis/taming-transformers (VectorQuantizer2), after quant_conv',
  load: loadNearest,
};

/** MaskGIT (arXiv:2202.04200) in PyTorch: VQ, the nearest row. */
export const maskgit: CodecModel = {
  forms: ONE_EMBEDDING,
  prefixEnd: 'quantize.',
  without: OF_OTHERS,
  mustBeNamed: true,
  name: 'maskgit',
  source: 'quantize of bytedance/1d-tokenizer, modeling/modules/maskgit_vqgan.py',
  load: loadNearest,
};

/** TiTok (arXiv:2406.07550): VQ, the row of nearest direction, at length 1. */
export const titok: CodecModel = {
  forms: ONE_EMBEDDING,
  prefixEnd: 'quantize.',
  without: OF_OTHERS,
  mustBeNamed: true,
  name: 'titok',
  source: 'quantize of bytedance/1d-tokenizer, use_l2_norm',
  load: loadUnit,
};

/** IBQ (arXiv:2412.02692): VQ, the row of the largest product. */
export const ibq: CodecModel = {
  forms: ONE_EMBEDDING,
  prefixEnd: 'quantize.',
  without: OF_OTHERS,
  mustBeNamed: true,
  name: 'ibq',
  source: 'quantize of TencentARC/SEED-Voken (IndexPropagationQuantize), after quant_conv',
  load: async (view, extras) => productLayer(await matrixOf(view, 'embedding.weight'), extras),
};

/** SimVQ as published (arXiv:2411.02038): VQ with codes that a linear layer makes of frozen rows. */
export const simvq: CodecModel = {
  name: 'simvq',
  source: 'quantize of youngsheen/SimVQ',
  forms: [['embedding.weight', 'embedding_proj.weight', 'embedding_proj.bias']],
  async load(view, extras) {
    const frozen = await matrixOf(view, 'embedding.weight');
    const { columns } = frozen;
    return simVqLayer(frozen, await linearOf(view.at('embedding_proj.'), columns, columns), extras);
  },
};

/**
 * BSQ-ViT (arXiv:2406.07548): the signs of latents, on the sphere; the first feature is the most significant bit. Beyond 30 bits the ids are those of
 * its groups (`group_indices`), one layer each.
 */
export const bsqVit: CodecModel = {
  name: 'bsq-vit',
  source: 'quantize of zhaoyue-zephyrus/bsq-vit, after quant_embed',
  forms: [['basis', 'group_basis']],
  async load(view, extras) {
    const bits = lengthOf(view, 'basis');
    const perId = bits <= MOST_BITS ? bits : lengthOf(view, 'group_basis');
    return lfqLayer(bits, perId, { codebookScale: 1 / Math.sqrt(bits) }, extras);
  },
};

/**
 * Open-MAGVIT2 (arXiv:2409.04410): LFQ, the first feature is the LEAST significant bit. Its quantizer has no weights; how many bits there are
 * stands in the last layer of its encoder.
 */
export const openMagvit2: CodecModel = {
  name: 'open-magvit2',
  source: 'quantize of TencentARC/SEED-Voken (LFQ), after the encoder',
  forms: [['encoder.conv_out.weight']],
  mustBeNamed: true,
  async load(view, extras) {
    const bits = outputsOf(view, 'encoder.conv_out.weight', 1, MOST_BITS);
    return lfqLayer(bits, bits, { bitOrder: 'lsbFirst' }, extras);
  },
};

/** The output channels of a layer, from `least` to `most`, without reading it. */
function outputsOf(view: View, key: string, least: number, most: number): number {
  const rule = `[${least === most ? least : `${least} to ${most}`}, …]`;
  return view.shape(key, ([outputs = 0]) => outputs >= least && outputs <= most, rule)[0] ?? 0;
}

/** Cosmos DI and DV (arXiv:2501.03575): FSQ of 64000 codes, after the layer that is named here. Its quantizer has no weights. */
export const cosmos: CodecModel = {
  name: 'cosmos',
  source: 'quantizer of NVIDIA/Cosmos-Tokenizer (FSQuantizer), after quant_conv',
  forms: [['quant_conv.weight'], ['quant_conv.conv3d.weight']],
  mustBeNamed: true,
  async load(view, extras) {
    const levels = [8, 8, 8, 5, 5, 5];
    const key = view.has('quant_conv.weight') ? 'quant_conv.weight' : 'quant_conv.conv3d.weight';
    outputsOf(view, key, levels.length, levels.length);
    return fsqLayer({ levels, bound: 'reference' }, extras);
  },
};
