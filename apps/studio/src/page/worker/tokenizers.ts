import { type Tensor, tensor, tensor2d, tensor3d } from '@tensorflow/tfjs-core';
import { decodeWav, isWav, soundForModel } from '@vqkit/data';
import {
  type AudioTokenizer,
  type ImageTokenizer,
  imagesFromPixels,
  isAudioConfig,
  isVectorConfig,
  loadImageTokenizer,
  loadTokenizer,
  pixelsFromImages,
  type Tokenizer,
  type VectorTokenizer,
} from '@vqkit/tokenizer';
import { messageOf } from '../message.ts';
import type { Answers, PictureIds, TokenizerFacts } from './calls.ts';
import { readVectors } from './read-vectors.ts';

/** A tokenizer of one modality. */
interface Opened {
  readonly images?: ImageTokenizer;
  readonly sounds?: AudioTokenizer;
  readonly vectors?: VectorTokenizer;
  readonly facts: TokenizerFacts;
  dispose(): void;
}

/** The calls that need a tokenizer. */
export function createTokenizers(): Answers<
  | 'open'
  | 'encodePicture'
  | 'decodePicture'
  | 'readWav'
  | 'fitSound'
  | 'encodeSound'
  | 'decodeSound'
  | 'readVectors'
  | 'encodeVectors'
  | 'decodeVectors'
> {
  let opened: Opened | undefined;

  const images = (): ImageTokenizer => {
    if (opened?.images === undefined) throw new Error('No tokenizer of images is open.');
    return opened.images;
  };
  const sounds = (): AudioTokenizer => {
    if (opened?.sounds === undefined) throw new Error('No tokenizer of sound is open.');
    return opened.sounds;
  };
  const vectors = (): VectorTokenizer => {
    if (opened?.vectors === undefined) throw new Error('No tokenizer of vectors is open.');
    return opened.vectors;
  };

  return {
    async open(file, name) {
      const next = openFile(file, name);
      opened?.dispose();
      opened = next;
      return opened.facts;
    },
    async encodePicture(rgba, size) {
      const tokenizer = images();
      const to = tokenizer.config.channels === 1 ? 1 : 3;
      const pixels = imagesFromPixels(rgba, { height: size, width: size, channels: 4, to });
      const [rows = 0, columns = 0] = tokenizer.tokenShape(size, size);
      const ids = await taken(tokenizer.encode(pixels), pixels);
      return { ids: ids as Int32Array, rows, columns };
    },
    async decodePicture({ ids, rows, columns }: PictureIds) {
      const tokenizer = images();
      const { numCodebooks } = tokenizer;
      const shape = numCodebooks === 1 ? [1, rows, columns] : [1, rows, columns, numCodebooks];
      const given = tensor(ids, shape, 'int32');
      const decoded = tokenizer.decode(given);
      try {
        return await pixelsFromImages(decoded);
      } finally {
        given.dispose();
        decoded.dispose();
      }
    },
    async readWav(name, bytes, seconds) {
      const file = new Uint8Array(bytes);
      if (!isWav(file)) return undefined;
      try {
        const { sampleRate, channels } = decodeWav(file);
        const first = channels.map((channel) => channel.subarray(0, seconds * sampleRate));
        return soundForModel({ sampleRate, channels: first }, sounds().config);
      } catch (error) {
        throw new Error(`${name} is not to be read: ${messageOf(error)}.`, { cause: error });
      }
    },
    async fitSound(sound) {
      return soundForModel(sound, sounds().config);
    },
    async encodeSound(samples) {
      const tokenizer = sounds();
      const { hop, config } = tokenizer;
      const { channels } = config;
      const length = Math.max(1, Math.ceil(samples.length / channels / hop)) * hop;
      const filled = new Float32Array(length * channels);
      filled.set(samples);
      const given = tensor3d(filled, [1, length, channels]);
      return (await taken(tokenizer.encode(given), given)) as Int32Array;
    },
    async decodeSound(ids) {
      const tokenizer = sounds();
      const samples = (ids.length / tokenizer.numCodebooks) * tokenizer.hop;
      const given = tensor(ids, [1, ...tokenizer.tokenShape(samples)], 'int32');
      return (await taken(tokenizer.decode(given), given)) as Float32Array;
    },
    async readVectors(name, bytes) {
      return readVectors(name, bytes, vectors().config.features);
    },
    async encodeVectors(values) {
      const tokenizer = vectors();
      const { features } = tokenizer.config;
      const given = tensor2d(values, [values.length / features, features]);
      return (await taken(tokenizer.encode(given), given)) as Int32Array;
    },
    async decodeVectors(ids) {
      const tokenizer = vectors();
      const { numCodebooks } = tokenizer;
      const shape = numCodebooks === 1 ? [ids.length] : [ids.length / numCodebooks, numCodebooks];
      const given = tensor(ids, shape, 'int32');
      return (await taken(tokenizer.decode(given), given)) as Float32Array;
    },
  };
}

/** Reads a tensor and frees it with what it was made of. */
async function taken(result: Tensor, given: Tensor): Promise<Float32Array | Int32Array> {
  try {
    return (await result.data()) as Float32Array | Int32Array;
  } finally {
    given.dispose();
    result.dispose();
  }
}

function openFile(file: ArrayBuffer, name: string): Opened {
  if (name.endsWith('.onnx')) {
    const fix = 'Open the .safetensors file that vqkit export writes without --format.';
    throw new Error(`${name} is an ONNX file, which onnxruntime runs. ${fix}`);
  }
  const tokenizer: Tokenizer = loadTokenizer(file, name);
  if (isVectorConfig(tokenizer.config)) {
    const vectors = tokenizer as unknown as VectorTokenizer;
    const sizes = { kind: 'vectors', multiple: 1, channels: vectors.config.features } as const;
    return { vectors, ...described(vectors, sizes) };
  }
  if (isAudioConfig(tokenizer.config)) {
    const sounds = tokenizer as unknown as AudioTokenizer;
    const { channels, sampleRate } = sounds.config;
    return { sounds, ...described(sounds, { kind: 'audio', multiple: sounds.hop, channels, sampleRate }) };
  }
  tokenizer.dispose();
  const images = loadImageTokenizer(file, name);
  const sizes = { kind: 'images', multiple: images.imageMultiple, channels: images.config.channels } as const;
  return { images, ...described(images, sizes) };
}

function described(
  tokenizer: ImageTokenizer | AudioTokenizer | VectorTokenizer,
  sizes: Pick<TokenizerFacts, 'kind' | 'multiple' | 'channels' | 'sampleRate'>,
): Pick<Opened, 'facts' | 'dispose'> {
  const { codebookSize, numCodebooks, bitsPerToken, config } = tokenizer;
  const facts = { quantizer: config.quantizer, codebookSize, numCodebooks, bitsPerToken, ...sizes };
  return { facts, dispose: () => tokenizer.dispose() };
}
