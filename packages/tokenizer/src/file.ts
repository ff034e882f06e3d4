import { sha256 as sha256Of } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Tensor } from '@tensorflow/tfjs-core';
import {
  CHECKSUM,
  CheckpointError,
  checksumOf,
  decodeSafetensors,
  encodeSafetensors,
  parseJson,
  requireChecksum,
  type SafeFile,
  type SafeTensor,
} from '@vqkit/checkpoint';
import { fromSafeTensor, toSafeTensor } from '@vqkit/checkpoint/tensors';
import {
  limitParameters,
  OptionError,
  phrase,
  QuantizerError,
  reason,
  requireFinite,
  requireOption,
  show,
} from '@vqkit/core-tensor';
import { architectureEntry } from './architectures/registry.ts';
import { recreateAudioTokenizer } from './audio-tokenizer.ts';
import {
  type AudioTokenizerConfig,
  architectureOf,
  checkConfig,
  FIRST,
  type ImageTokenizerConfig,
  ordered,
  type TokenizerConfig,
  type VectorTokenizerConfig,
} from './config.ts';
import { type ImageTokenizer, recreateImageTokenizer } from './image-tokenizer.ts';
import { audio } from './modalities/audio.ts';
import { vectors } from './modalities/vectors.ts';
import type { Tokenizer } from './tokenizer.ts';
import { recreateVectorTokenizer } from './vector-tokenizer.ts';

/** Its descriptions name their architecture. */
const FORMAT = 'vqkit-tokenizer-2';
/**
 * Its descriptions name none: there was `conv` alone, whose files stay what they were, byte for byte, because files of tokens name their tokenizer by its
 * SHA-256.
 */
const FIRST_FORMAT = 'vqkit-tokenizer-1';

/**
 * The bytes of a tokenizer file from plain data, without an engine: a safetensors file with the weights under their state-dict names, in
 * PyTorch's layouts, and in its metadata `format`, `tokenizer`, the description as JSON, and a checksum of it all. Equal content gives equal bytes.
 *
 * @throws OptionError when the description breaks a rule; DataError when a weight is not finite; CheckpointError when the tensors are
 * not well formed.
 */
export function packTokenizer(config: TokenizerConfig, weights: Readonly<Record<string, SafeTensor>>): Uint8Array {
  const where = 'packTokenizer';
  checkConfig(where, config);
  requireFiniteWeights(where, weights, 'Save a tokenizer that did not diverge.');
  const { architecture, ...first } = config;
  const isFirst = architectureOf(config) === FIRST;
  const metadata = {
    format: isFirst ? FIRST_FORMAT : FORMAT,
    tokenizer: JSON.stringify(isFirst ? first : ordered(config)),
  };
  return encodeSafetensors(weights, { ...metadata, [CHECKSUM]: checksumOf({ tensors: weights, metadata }, sha256) });
}

/**
 * Writes a tokenizer as one safetensors file, see {@link packTokenizer}: all that {@link loadTokenizer} needs, anywhere.
 *
 * @throws DataError when a weight is not finite; DisposedError.
 * @example
 * await writeFile('digits.safetensors', await saveTokenizer(tokenizer));
 */
export async function saveTokenizer(tokenizer: Pick<Tokenizer, 'config' | 'stateDict'>): Promise<Uint8Array> {
  const state = Object.entries(tokenizer.stateDict());
  try {
    const weights = await Promise.all(state.map(async ([name, value]) => [name, await toSafeTensor(value)] as const));
    return packTokenizer(tokenizer.config, Object.fromEntries(weights));
  } finally {
    for (const [, value] of state) value.dispose();
  }
}

/**
 * Makes the tokenizer of a file that {@link saveTokenizer} or `vqkit export` wrote, of any data; `config.architecture` tells which. Start an engine first;
 * dispose the tokenizer at the end.
 *
 * @param file its bytes, or what `decodeSafetensors` made of them.
 * @param source what to call the file in errors, such as its path.
 * @throws CheckpointError when the file is damaged, is not a tokenizer, or its description and its weights do not fit.
 * @example
 * const url = 'digits.safetensors';
 * const anyTokenizer = loadTokenizer(await (await fetch(url)).arrayBuffer(), url);
 */
export function loadTokenizer(file: Uint8Array | ArrayBuffer | SafeFile, source = 'the file'): Tokenizer {
  return load<Tokenizer>('loadTokenizer', file, source, (config, maker) => recreateTokenizer(config, maker));
}

/** Makes the tokenizer of a description, of any data, its weights random. */
function recreateTokenizer(config: TokenizerConfig, maker: string): Tokenizer {
  if (isVectorConfig(config, maker)) return recreateVectorTokenizer(config, maker) as unknown as Tokenizer;
  if (isAudioConfig(config, maker)) return recreateAudioTokenizer(config, maker) as unknown as Tokenizer;
  return recreateImageTokenizer(config as ImageTokenizerConfig, maker) as unknown as Tokenizer;
}

/**
 * {@link loadTokenizer} for images.
 *
 * @throws CheckpointError as there, and when it is a tokenizer of other data.
 * @example
 * const url = 'digits.safetensors';
 * const tokenizer = loadImageTokenizer(await (await fetch(url)).arrayBuffer(), url);
 */
export function loadImageTokenizer(file: Uint8Array | ArrayBuffer | SafeFile, source = 'the file'): ImageTokenizer {
  return load('loadImageTokenizer', file, source, (config, maker) => {
    if (!isVectorConfig(config, maker) && !isAudioConfig(config, maker)) return recreateImageTokenizer(config, maker);
    throw new OptionError(
      maker,
      'architecture',
      'be one of images',
      config.architecture,
      'Load it with loadTokenizer.',
    );
  });
}

/**
 * Whether a description is of a tokenizer of vectors, by the registry of architectures.
 * @throws OptionError for an architecture that this version does not know.
 */
export function isVectorConfig(config: TokenizerConfig, where = 'isVectorConfig'): config is VectorTokenizerConfig {
  return architectureEntry(architectureOf(config), where).modality === vectors;
}

/**
 * Whether a description is of a tokenizer of sound, by the registry of architectures.
 * @throws OptionError for an architecture that this version does not know.
 */
export function isAudioConfig(config: TokenizerConfig, where = 'isAudioConfig'): config is AudioTokenizerConfig {
  return architectureEntry(architectureOf(config), where).modality === audio;
}

function load<Loaded extends Pick<Tokenizer, 'loadStateDict' | 'dispose'>>(
  maker: string,
  file: Uint8Array | ArrayBuffer | SafeFile,
  source: string,
  recreate: (config: TokenizerConfig, maker: string) => Loaded,
): Loaded {
  const { tensors, metadata } = readFile(maker, file, source);
  if (metadata.format !== FORMAT && metadata.format !== FIRST_FORMAT) {
    throw new CheckpointError(
      maker,
      source,
      `be a tokenizer of vqkit (format '${FIRST_FORMAT}' or '${FORMAT}')`,
      phrase(`format ${show(metadata.format)}`, metadata.format),
      'Write one with vqkit export or saveTokenizer.',
    );
  }
  requireChecksum(maker, source, { tensors, metadata }, sha256);
  let tokenizer: Loaded | undefined;
  const weights: [name: string, value: Tensor][] = [];
  try {
    const config = parseJson(metadata.tokenizer ?? '', (rule, found) => {
      return new CheckpointError(maker, 'tokenizer', `be ${rule}`, phrase(found), 'Write the file again.');
    }) as TokenizerConfig;
    requireFiniteWeights('tokenizer', tensors, 'Export a run that did not diverge.');
    const numbers = Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0);
    tokenizer = limitParameters(numbers, () => recreate(config, maker));
    for (const [name, value] of Object.entries(tensors)) weights.push([name, fromSafeTensor(name, value)]);
    tokenizer.loadStateDict(Object.fromEntries(weights));
    return tokenizer;
  } catch (error) {
    tokenizer?.dispose();
    if (!(error instanceof QuantizerError)) throw error;
    throw new CheckpointError(
      maker,
      source,
      'hold the description and the weights of one tokenizer',
      reason(error),
      'Write the file again.',
      { cause: error },
    );
  } finally {
    for (const [, value] of weights) value.dispose();
  }
}

/** In Node and in any page: Web Crypto's would make loading asynchronous, and is missing where a page came by http. */
function sha256(bytes: Uint8Array): string {
  return bytesToHex(sha256Of(bytes));
}

function requireFiniteWeights(where: string, weights: Readonly<Record<string, SafeTensor>>, fix: string): void {
  for (const [name, value] of Object.entries(weights)) requireFinite(where, `weight '${name}'`, value, fix);
}

function readFile(maker: string, file: Uint8Array | ArrayBuffer | SafeFile, source: string): SafeFile {
  if (file instanceof Uint8Array) return decodeSafetensors(file, source);
  if (file instanceof ArrayBuffer) return decodeSafetensors(new Uint8Array(file), source);
  const isFile = typeof file === 'object' && file !== null && 'tensors' in file && 'metadata' in file;
  requireOption(
    isFile,
    maker,
    'file',
    'the bytes of a file, or { tensors, metadata }',
    file,
    'Pass for example await response.arrayBuffer().',
  );
  return file;
}
