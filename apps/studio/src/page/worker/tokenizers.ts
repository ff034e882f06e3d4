import { type Tensor, tensor, tensor2d } from '@tensorflow/tfjs-core';
import {
  type ImageTokenizer,
  imagesFromPixels,
  isVectorConfig,
  loadImageTokenizer,
  loadTokenizer,
  pixelsFromImages,
  type Tokenizer,
  type VectorTokenizer,
} from '@vqkit/tokenizer';
import type { Answers, PictureIds, TokenizerFacts } from './calls.ts';
import { readVectors } from './read-vectors.ts';

/** A tokenizer of one modality. */
interface Opened {
  readonly images?: ImageTokenizer;
  readonly vectors?: VectorTokenizer;
  readonly facts: TokenizerFacts;
  dispose(): void;
}

/** The calls that need a tokenizer. */
export function createTokenizers(): Answers<
  'open' | 'encodePicture' | 'decodePicture' | 'readVectors' | 'encodeVectors' | 'decodeVectors'
> {
  let opened: Opened | undefined;

  const images = (): ImageTokenizer => {
    if (opened?.images === undefined) throw new Error('No tokenizer of images is open.');
    return opened.images;
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
  const tokenizer: Tokenizer = loadTokenizer(file, name);
  if (isVectorConfig(tokenizer.config)) {
    const vectors = tokenizer as unknown as VectorTokenizer;
    const sizes = { kind: 'vectors', multiple: 1, channels: vectors.config.features } as const;
    return { vectors, ...described(vectors, sizes) };
  }
  tokenizer.dispose();
  const images = loadImageTokenizer(file, name);
  const sizes = { kind: 'images', multiple: images.imageMultiple, channels: images.config.channels } as const;
  return { images, ...described(images, sizes) };
}

function described(
  tokenizer: ImageTokenizer | VectorTokenizer,
  sizes: Pick<TokenizerFacts, 'kind' | 'multiple' | 'channels'>,
): Pick<Opened, 'facts' | 'dispose'> {
  const { codebookSize, numCodebooks, bitsPerToken, config } = tokenizer;
  const facts = { quantizer: config.quantizer, codebookSize, numCodebooks, bitsPerToken, ...sizes };
  return { facts, dispose: () => tokenizer.dispose() };
}
