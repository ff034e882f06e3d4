import { CheckpointError, decodeSafetensors, parseJson } from '@vqkit/checkpoint';
import { readBytes, readSafetensors } from '@vqkit/checkpoint/node';
import { OptionError, phrase, QuantizerError } from '@vqkit/core-tensor';
import { isFolder, type VectorSource } from '@vqkit/data/node';
import {
  type AudioTokenizer,
  type ImageTokenizer,
  isAudioConfig,
  isVectorConfig,
  loadTokenizer as load,
  loadImageTokenizer,
  type Tokenizer,
  type TokenizerConfig,
  type VectorTokenizer,
} from '@vqkit/tokenizer';
import { newestCheckpoint } from './run-folder.ts';
import { isCheckpoint, tokenizerOf } from './training-state.ts';

/** A tokenizer by its path, or what was read from there before. */
export type TokenizerSource = string | { readonly path: string; readonly bytes: Uint8Array };

/**
 * The bytes of a tokenizer file, as `vqkit export` writes them: of a run from its newest checkpoint, of a checkpoint, or those of the
 * file itself when it is one already. Starts no engine. Equal weights give equal bytes.
 *
 * @param source a run folder, one of its checkpoints, or a tokenizer file.
 * @throws OptionError when the folder holds no run with a checkpoint; CheckpointError when the file is missing or damaged.
 * @example
 * await writeFileAtomic('digits.safetensors', await readTokenizer('runs/mnist-fsq-1234'));
 */
export async function readTokenizer(source: TokenizerSource): Promise<Uint8Array> {
  if (typeof source !== 'string') return source.bytes;
  const file = (await isFolder(source)) ? await newestCheckpoint(source) : source;
  const bytes = await readBytes(file);
  return isCheckpoint(decodeSafetensors(bytes, file)) ? tokenizerOf(file, await readSafetensors(file)) : bytes;
}

/** The path of a source, for errors and for files that must stay. */
export function pathOf(source: TokenizerSource): string {
  return typeof source === 'string' ? source : source.path;
}

/**
 * Makes the tokenizer of a run, a checkpoint or a tokenizer file. Start an engine first, dispose the tokenizer at the end.
 *
 * @throws OptionError or CheckpointError, as {@link readTokenizer}, and when the file is not a tokenizer of images.
 * @example
 * const tokenizer = await loadTokenizer('runs/mnist-fsq-1234');
 */
export async function loadTokenizer(path: string): Promise<ImageTokenizer> {
  return loadImageTokenizer(await readTokenizer(path), path);
}

/** Whether the bytes of a file are a tokenizer of vectors. Says no of whatever is none: whoever loads it says why. */
export function isVectorTokenizer(bytes: Uint8Array): boolean {
  return isTokenizerOf(bytes, isVectorConfig);
}

/** The same of sound. */
export function isAudioTokenizer(bytes: Uint8Array): boolean {
  return isTokenizerOf(bytes, isAudioConfig);
}

function isTokenizerOf(bytes: Uint8Array, isOfIt: (config: TokenizerConfig) => boolean): boolean {
  try {
    const { tokenizer = '' } = decodeSafetensors(bytes, '').metadata;
    const described = parseJson(tokenizer, (rule, found) => {
      return new CheckpointError('isTokenizerOf', 'the file', `be ${rule}`, phrase(found), 'Use another file.');
    });
    return described !== null && isOfIt(described as TokenizerConfig);
  } catch (error) {
    if (error instanceof QuantizerError) return false;
    throw error;
  }
}

/**
 * The tokenizer of sound of a file's bytes.
 * @throws CheckpointError when it is not one.
 */
export function openAudioTokenizer(where: string, bytes: Uint8Array, path: string): AudioTokenizer {
  const tokenizer: Tokenizer = load(bytes, path);
  if (isAudioConfig(tokenizer.config)) return tokenizer as unknown as AudioTokenizer;
  tokenizer.dispose();
  throw new CheckpointError(where, path, 'be a tokenizer of sound', phrase('one of other data'), 'Pass one of sound.');
}

/**
 * The tokenizer of vectors of a source.
 * @throws CheckpointError when it is not one; OptionError when `vectors` have another width.
 */
export async function openVectorTokenizer(
  where: string,
  source: TokenizerSource,
  vectors?: VectorSource,
): Promise<VectorTokenizer> {
  const path = pathOf(source);
  const tokenizer: Tokenizer = load(await readTokenizer(source), path);
  const { config } = tokenizer;
  if (!isVectorConfig(config)) {
    tokenizer.dispose();
    const rule = 'be a tokenizer of vectors';
    throw new CheckpointError(where, path, rule, phrase('one of images'), 'Encode pictures with it.');
  }
  if (vectors !== undefined && vectors.dim !== config.features) {
    tokenizer.dispose();
    throw new OptionError(
      where,
      'vectors',
      `have the tokenizer's ${config.features} numbers`,
      vectors.dim,
      'Pass the vectors that it is for.',
    );
  }
  return tokenizer as unknown as VectorTokenizer;
}
