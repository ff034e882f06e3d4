import { requireOneOf, requireOption } from '@vqkit/core-tensor/check';
import { choose } from './choose.ts';
import {
  type ExtractedCodec,
  extract,
  type LoadCodecOptions,
  type PublishedCodec,
  requireLoadOptions,
} from './extract.ts';
import { MODELS } from './models/all.ts';
import type { SourceLike } from './read/source.ts';
import { openWeights } from './read/weights.ts';

/**
 * The quantizer of a published model, from its own file: .safetensors, .pt, .pth, .ckpt, .bin or .npz, whatever it is nested in. Only the
 * quantizer's tensors are read.
 *
 * It is recognised by its keys. Latents are what the published quantizer takes and gives, channels-last; ids are the published ones, but where two codes
 * are equally near within float32's rounding.
 *
 * @param data bytes, a File or Blob, or a source of ranges (`fileSource`, `urlSource`).
 * @throws OptionError when no model or several are found, naming the nearest and the keys that it lacks; CheckpointError for a damaged file; ShapeError
 * for tensors that do not fit together.
 * @example
 * const weight = { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 0, 0, 1]) } as const;
 * const file = encodeSafetensors({ 'quantizer.vq.layers.0._codebook.embed': weight });
 * const codec = await loadCodec(file); // codec.model is 'encodec'
 * const ids = codec.encode(new Float32Array([0.3, 0.9])); // [ [ 1 ] ]
 * const codes = codec.decode(ids); // [ 0, 1 ]
 */
export async function loadCodec(data: SourceLike, options: LoadCodecOptions = {}): Promise<PublishedCodec> {
  return (await extractCodec(data, options)).codec;
}

/**
 * The same as {@link loadCodec}, and the tensors that were read for it: a file of these alone gives the same quantizer.
 *
 * @throws as `loadCodec`.
 * @example
 * const weight = { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 0, 0, 1]) } as const;
 * const file = encodeSafetensors({ 'quantizer.vq.layers.0._codebook.embed': weight, decoder: weight });
 * const { tensors } = await extractCodec(file); // without the decoder
 * const { model } = await loadCodec(encodeSafetensors(tensors)); // encodec
 */
export async function extractCodec(data: SourceLike, options: LoadCodecOptions = {}): Promise<ExtractedCodec> {
  requireLoadOptions(options);
  const { fileName, model, kernels } = options;
  const areLoaded = kernels === undefined || typeof kernels?.projector === 'function';
  requireOption(areLoaded, 'loadCodec', 'kernels', 'those of loadKernels', kernels, 'Pass await loadKernels().');
  const names = MODELS.map(({ name }) => name);
  if (model !== undefined) requireOneOf('loadCodec', 'model', model, names);
  const models = MODELS.filter(({ name }) => model === undefined || name === model);
  const weights = await openWeights(data, fileName);
  return extract(weights, choose(weights, models, model !== undefined, options.prefix), options);
}
