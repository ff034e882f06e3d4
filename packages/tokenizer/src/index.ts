export { assertTokens } from './assert-tokens.ts';
export type { ImageTokenizerConfig, ImageTokenizerOptions } from './config.ts';
export { loadImageTokenizer, packImageTokenizer, saveImageTokenizer } from './file.ts';
export type { ImageTokenizer, ImageTokenizerResult } from './image-tokenizer.ts';
export { createImageTokenizer, recreateImageTokenizer } from './image-tokenizer.ts';
export type { PixelChannels, Pixels } from './pixels.ts';
export { imagesFromPixels, pixelsFromImages, scalePixels, unscalePixels } from './pixels.ts';
