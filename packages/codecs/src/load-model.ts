import { OptionError, phrase, shorten } from '@vqkit/core-tensor/errors';
import { extract, type LoadCodecOptions, matchesOf, type PublishedCodec, requireLoadOptions } from './extract.ts';
import type { CodecModel } from './models/model.ts';
import type { SourceLike } from './read/source.ts';
import { openSafetensorsWeights } from './read/weights.ts';

/**
 * `loadCodec` for one model and .safetensors, such as `vqkit import` writes: a page that has only this bundles less than half.
 *
 * @param data bytes, a File or Blob, or a source of ranges (`fileSource`, `urlSource`).
 * @throws OptionError when it holds no such quantizer, naming the keys; of several it takes the first, or the one at `prefix`. Else as `loadCodec`.
 * @example
 * const weight = { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 0, 0, 1]) } as const;
 * const file = encodeSafetensors({ 'quantizer.vq.layers.0._codebook.embed': weight });
 * const codec = await loadModel(file, encodec);
 * const ids = codec.encode(new Float32Array([0.3, 0.9])); // [ [ 1 ] ]
 */
export async function loadModel(
  data: SourceLike,
  model: CodecModel,
  options: Omit<LoadCodecOptions, 'model'> = {},
): Promise<PublishedCodec> {
  requireLoadOptions(options);
  const weights = await openSafetensorsWeights(data, options.fileName);
  const matches = matchesOf(weights, model).filter(({ prefix }) => (options.prefix ?? prefix) === prefix);
  const [found] = matches.filter(({ missing }) => missing.length === 0);
  if (found !== undefined) return (await extract(weights, found, options)).codec;
  const missing = (matches[0]?.missing ?? model.forms[0] ?? []).map((key) => `'${shorten(key)}'`).join(', ');
  throw new OptionError(
    'loadModel',
    weights.name,
    `hold the quantizer of ${model.name}`,
    phrase(`none with ${missing}`),
    'Pass its file, or use loadCodec.',
  );
}
