export type { ArchitectureName } from './architectures/registry.ts';
export { architectureNames } from './architectures/registry.ts';
export { assertTokens } from './assert-tokens.ts';
export type { AudioTokenizer } from './audio-tokenizer.ts';
export { createAudioTokenizer, recreateAudioTokenizer } from './audio-tokenizer.ts';
export type {
  AudioTokenizerConfig,
  AudioTokenizerOptions,
  ImageTokenizerConfig,
  ImageTokenizerOptions,
  TokenizerConfig,
  VectorTokenizerConfig,
  VectorTokenizerOptions,
} from './config.ts';
export { exampleShape } from './example-shape.ts';
export {
  isAudioConfig,
  isVectorConfig,
  loadImageTokenizer,
  loadTokenizer,
  packTokenizer,
  saveTokenizer,
} from './file.ts';
export type { ImageTokenizer, ImageTokenizerResult } from './image-tokenizer.ts';
export { createImageTokenizer, recreateImageTokenizer } from './image-tokenizer.ts';
export { audio as audioTensors } from './modalities/audio.ts';
export { images as imageTensors } from './modalities/images.ts';
export type { DataTensor } from './modalities/modality.ts';
export { vectors as vectorTensors } from './modalities/vectors.ts';
export type { PixelChannels, Pixels } from './pixels.ts';
export { imagesFromPixels, pixelsFromImages, scalePixels, unscalePixels } from './pixels.ts';
export type { DecodeStream, EncodeStream } from './stream.ts';
export { createDecodeStream, createEncodeStream } from './stream.ts';
export type { Tokenizer, TokenizerDescription, TokenizerResult } from './tokenizer.ts';
export type { VectorTokenizer } from './vector-tokenizer.ts';
export { createVectorTokenizer, recreateVectorTokenizer } from './vector-tokenizer.ts';
