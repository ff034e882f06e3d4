import type { Tensor } from '@tensorflow/tfjs-core';
import { assertIndices } from '@vqkit/core-tensor';
import { assertLayerIndices } from '@vqkit/quantizers';
import { requireIds } from './check.ts';
import type { ImageTokenizer } from './image-tokenizer.ts';

/**
 * Reads token ids and throws at the first that the tokenizer has no code for. `decode` does not do this by itself, because reading data
 * stalls an engine; the command line always does.
 *
 * @param where name of the caller, for errors.
 * @throws DataError; ShapeError and DtypeError for other tensors.
 * @example
 * await assertTokens('generate', ids, tokenizer);
 * const images = tokenizer.decode(ids);
 */
export async function assertTokens(where: string, ids: Tensor, tokenizer: ImageTokenizer): Promise<void> {
  const { quantizer, codebookSize, imageMultiple } = tokenizer;
  requireIds(where, ids, tokenizer.tokenShape(imageMultiple, imageMultiple).slice(2));
  const isStack = 'layers' in quantizer || 'groups' in quantizer;
  await (isStack ? assertLayerIndices(where, ids, quantizer) : assertIndices(where, ids, codebookSize));
}
