export { channelsFirst, channelsLast } from './channels.ts';
export type { ExtractedCodec, LoadCodecOptions, PublishedCodec } from './extract.ts';
export { extractCodec, loadCodec } from './load-codec.ts';
export type { TensorInfo } from './read/open-file.ts';
export type { Source, SourceLike } from './read/source.ts';
export { sourceOf, urlSource } from './read/source.ts';
export type { Weights } from './read/weights.ts';
export { openWeights } from './read/weights.ts';
