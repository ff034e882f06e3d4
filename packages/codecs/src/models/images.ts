import { createLfqCodec } from '@vqkit/lfq/codec';
import { layerOf } from '@vqkit/residual/codec';
import { createSimVqCodec } from '@vqkit/simvq/codec';
import { nearest, nearestDirection } from '../vector-codecs.ts';
import { projectionOf } from '../view.ts';
import type { CodecModel } from './model.ts';

/** LlamaGen (arXiv:2406.06525): VQ, the row of nearest direction, at length 1. */
export const llamagen: CodecModel = {
  name: 'llamagen',
  source: 'quantize of FoundationVision/LlamaGen, after quant_conv',
  forms: [['embedding.weight', 'codebook_used']],
  load: async (view, extras) => nearestDirection(await view.matrix('embedding.weight'), extras),
};

/** VQGAN (arXiv:2012.09841): VQ, the nearest row. TiTok, IBQ and others have the same key and other mathematics. */
export const tamingVqgan: CodecModel = {
  name: 'taming-vqgan',
  source: 'quantize of CompVis/taming-transformers (VectorQuantizer2), after quant_conv',
  forms: [['embedding.weight']],
  prefixEnd: 'quantize.',
  without: ['codebook_used', 'embedding_proj.weight', 'quant_resi.qresi_ls.0.weight', 'ema_vocab_hit_SV'],
  mustBeNamed: true,
  load: async (view, extras) => nearest(await view.matrix('embedding.weight'), extras),
};

/** SimVQ as published (arXiv:2411.02038): VQ with codes that a linear layer makes of frozen rows. */
export const simvq: CodecModel = {
  name: 'simvq',
  source: 'quantize of youngsheen/SimVQ',
  forms: [['embedding.weight', 'embedding_proj.weight', 'embedding_proj.bias']],
  async load(view, extras) {
    const { rows, columns, values } = await view.matrix('embedding.weight');
    const { weight, bias } = await projectionOf(view.at('embedding_proj.'), columns, columns);
    const state = {
      frozen_codebook: { dtype: 'F32', shape: [rows, columns], data: values },
      'code_transform.weight': { dtype: 'F32', shape: [columns, columns], data: weight },
      'code_transform.bias': { dtype: 'F32', shape: [columns], data: bias ?? new Float32Array(columns) },
    };
    return layerOf(createSimVqCodec({ dim: columns, codebookSize: rows, transformBias: true }, state, extras));
  },
};

/** The most bits that one int32 id has. */
const MOST_BITS = 30;

/**
 * BSQ-ViT (arXiv:2406.07548): the signs of latents, on the sphere; the first feature is the most significant bit. Beyond 30 bits the ids are those of
 * its groups (`group_indices`), one layer each.
 */
export const bsqVit: CodecModel = {
  name: 'bsq-vit',
  source: 'quantize of zhaoyue-zephyrus/bsq-vit, after quant_embed',
  forms: [['basis', 'group_basis']],
  async load(view, extras) {
    const bits = await view.length('basis');
    const perId = bits <= MOST_BITS ? bits : await view.length('group_basis');
    const codebook = { codebookSize: 2 ** perId, numCodebooks: bits / perId, codebookScale: 1 / Math.sqrt(bits) };
    return layerOf(createLfqCodec({ dim: bits, ...codebook }, extras));
  },
};
