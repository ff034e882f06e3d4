import { join } from 'node:path';
import { CheckpointError, decodeSafetensors, parseJson } from '@vqkit/checkpoint';
import { readBytes } from '@vqkit/checkpoint/node';
import { OptionError, phrase, QuantizerError } from '@vqkit/core-tensor';
import { isFolder, type VectorSource } from '@vqkit/data/node';
import {
  isVectorConfig,
  loadTokenizer,
  type Tokenizer,
  type TokenizerConfig,
  type VectorTokenizer,
} from '@vqkit/tokenizer';

/** Of a run on vectors. */
export const TOKENIZER_FILE = 'tokenizer.safetensors';

/** The tokenizer file of a path: that of a run's folder, or the path itself. */
export async function vectorTokenizerFile(path: string): Promise<string> {
  return (await isFolder(path)) ? join(path, TOKENIZER_FILE) : path;
}

/** Whether the path is a tokenizer of vectors, or a run that made one. Says no of whatever cannot be read: whoever opens it says why. */
export async function isVectorTokenizer(path: string): Promise<boolean> {
  try {
    const file = await vectorTokenizerFile(path);
    const { tokenizer = '' } = decodeSafetensors(await readBytes(file), file).metadata;
    const described = parseJson(
      tokenizer,
      (rule, found) => new CheckpointError('isVectorTokenizer', file, `be ${rule}`, phrase(found), 'Use another file.'),
    );
    return described !== null && isVectorConfig(described as TokenizerConfig);
  } catch (error) {
    if (error instanceof QuantizerError) return false;
    throw error;
  }
}

/**
 * The tokenizer of vectors of a path.
 * @throws CheckpointError when it is not one; OptionError when `source` has vectors of another width.
 */
export async function openVectorTokenizer(
  where: string,
  path: string,
  source?: VectorSource,
): Promise<VectorTokenizer> {
  const file = await vectorTokenizerFile(path);
  const tokenizer: Tokenizer = loadTokenizer(await readBytes(file), file);
  const { config } = tokenizer;
  if (!isVectorConfig(config)) {
    tokenizer.dispose();
    throw new CheckpointError(
      where,
      file,
      'be a tokenizer of vectors',
      phrase('one of images'),
      'Encode pictures with it.',
    );
  }
  if (source !== undefined && source.dim !== config.features) {
    tokenizer.dispose();
    throw new OptionError(
      where,
      'vectors',
      `have the tokenizer's ${config.features} numbers`,
      source.dim,
      'Pass the vectors that it is for.',
    );
  }
  return tokenizer as unknown as VectorTokenizer;
}
