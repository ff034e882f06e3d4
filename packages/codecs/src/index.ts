export type { ExtractedCodec, LoadCodecOptions, PublishedCodec } from './load-codec.ts';
export { extractCodec, loadCodec } from './load-codec.ts';
export type { Source, SourceLike } from './read/source.ts';
export { sourceOf, urlSource } from './read/source.ts';
export type { TensorInfo, Weights } from './read/weights.ts';
export { openWeights } from './read/weights.ts';
