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
import { limitParameters, QuantizerError, requireFinite, requireOption, show } from '@vqkit/core-tensor';
import { checkConfig, type ImageTokenizerConfig } from './config.ts';
import { type ImageTokenizer, recreateImageTokenizer } from './image-tokenizer.ts';

/** Of the files that {@link saveImageTokenizer} writes. */
const FORMAT = 'vqkit-tokenizer-1';

/**
 * The bytes of a tokenizer file from plain data, without an engine: a safetensors file with the weights under their state-dict names, in
 * PyTorch's layouts, and in its metadata `format`, `tokenizer`, the description as JSON, and a checksum of it all. Equal content gives equal bytes.
 *
 * @throws OptionError when the description breaks a rule; DataError when a weight is not finite; CheckpointError when the tensors are
 * not well formed.
 */
export function packImageTokenizer(
  config: ImageTokenizerConfig,
  weights: Readonly<Record<string, SafeTensor>>,
): Uint8Array {
  const where = 'packImageTokenizer';
  checkConfig(where, config);
  requireFiniteWeights(where, weights, 'Save a tokenizer that did not diverge.');
  const metadata = { format: FORMAT, tokenizer: JSON.stringify(config) };
  return encodeSafetensors(weights, { ...metadata, [CHECKSUM]: checksumOf({ tensors: weights, metadata }, sha256) });
}

/**
 * Writes a tokenizer as one safetensors file, see {@link packImageTokenizer}: all that {@link loadImageTokenizer} needs, anywhere.
 *
 * @throws DataError when a weight is not finite; DisposedError.
 * @example
 * await writeFile('digits.safetensors', await saveImageTokenizer(tokenizer));
 */
export async function saveImageTokenizer(tokenizer: ImageTokenizer): Promise<Uint8Array> {
  const state = Object.entries(tokenizer.stateDict());
  try {
    const weights = await Promise.all(state.map(async ([name, value]) => [name, await toSafeTensor(value)] as const));
    return packImageTokenizer(tokenizer.config, Object.fromEntries(weights));
  } finally {
    for (const [, value] of state) value.dispose();
  }
}

/**
 * Makes the tokenizer of a file that {@link saveImageTokenizer} or `vqkit export` wrote. Start an engine first; dispose the tokenizer
 * at the end.
 *
 * @param file its bytes, or what `decodeSafetensors` made of them.
 * @param source what to call the file in errors, such as its path.
 * @throws CheckpointError when the file is damaged, is not a tokenizer, or its description and its weights do not fit.
 * @example
 * const url = 'digits.safetensors';
 * const tokenizer = loadImageTokenizer(await (await fetch(url)).arrayBuffer(), url);
 */
export function loadImageTokenizer(file: Uint8Array | ArrayBuffer | SafeFile, source = 'the file'): ImageTokenizer {
  const where = `loadImageTokenizer: ${source}`;
  const { tensors, metadata } = readFile(file, source);
  if (metadata.format !== FORMAT) {
    throw new CheckpointError(
      `${where} must be a tokenizer of vqkit (format '${FORMAT}'), got format ${show(metadata.format)}. Write one with vqkit export or saveImageTokenizer.`,
    );
  }
  requireChecksum(where, { tensors, metadata }, sha256);
  let tokenizer: ImageTokenizer | undefined;
  const weights: [name: string, value: Tensor][] = [];
  try {
    const config = parseJson(metadata.tokenizer ?? '', (rule, found) => {
      return new CheckpointError(`tokenizer must be ${rule}, got ${found}.`);
    }) as ImageTokenizerConfig;
    requireFiniteWeights('tokenizer', tensors, 'Export a run that did not diverge.');
    const numbers = Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0);
    tokenizer = limitParameters(numbers, () => recreateImageTokenizer(config, 'loadImageTokenizer'));
    for (const [name, value] of Object.entries(tensors)) weights.push([name, fromSafeTensor(name, value)]);
    tokenizer.loadStateDict(Object.fromEntries(weights));
    return tokenizer;
  } catch (error) {
    tokenizer?.dispose();
    if (!(error instanceof QuantizerError)) throw error;
    throw new CheckpointError(
      `${where} must hold the description and the weights of one tokenizer, got: ${error.message} Write the file again.`,
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

function readFile(file: Uint8Array | ArrayBuffer | SafeFile, source: string): SafeFile {
  if (file instanceof Uint8Array) return decodeSafetensors(file, source);
  if (file instanceof ArrayBuffer) return decodeSafetensors(new Uint8Array(file), source);
  const isFile = typeof file === 'object' && file !== null && 'tensors' in file && 'metadata' in file;
  requireOption(
    isFile,
    'loadImageTokenizer',
    'file',
    'the bytes of a file, or { tensors, metadata }',
    file,
    'Pass for example await response.arrayBuffer().',
  );
  return file;
}
