export { configJsonSchema, configSchema, createConfig, loadConfig } from './config.ts';
export type { Preset } from './presets.ts';
export { presets } from './presets.ts';
export { writeReconstructions, writeReport } from './report/index.ts';
export type { Finding, ImagePairs, ReportData, RunSummary } from './report-data.ts';
export { filesToKeep } from './run-folder.ts';
export type { ShardsHooks, ShardsResult } from './shards/encode-shards.ts';
export { encodeShards, isShardFolder } from './shards/encode-shards.ts';
export type { ShardOptions } from './shards/options.ts';
export { encodeShardsJsonSchema } from './shards/options.ts';
export { shellWord } from './shell-word.ts';
export { loadTokenizer, readTokenizer } from './tokenizer.ts';
export type { DecodeOptions } from './tokens/decode-tokens.ts';
export { decodeJsonSchema, decodeTokens } from './tokens/decode-tokens.ts';
export type { Encoded, EncodeOptions, TokenHooks, TokenResult } from './tokens/encode-images.ts';
export { encodeImages, encodeJsonSchema } from './tokens/encode-images.ts';
export type { StartInfo, TrainHooks, TrainResult } from './train.ts';
export { resumeTraining, train } from './train.ts';
export type {
  EngineName,
  LossName,
  PresetName,
  TrainConfig,
  TrainOptions,
} from './train-options.ts';
export type { DecodeVectorOptions } from './vectors/decode-vectors.ts';
export { decodeVectors } from './vectors/decode-vectors.ts';
export type { EncodeVectorOptions } from './vectors/encode-vectors.ts';
export { encodeVectors, encodeVectorsJsonSchema } from './vectors/encode-vectors.ts';
export type { VectorTrainConfig, VectorTrainOptions } from './vectors/options.ts';
export { isOfVectors, vectorJsonSchema } from './vectors/options.ts';
export { isVectorTokenizer } from './vectors/tokenizer.ts';
export type { TrainedVectors, VectorHooks, VectorResult } from './vectors/train-vectors.ts';
export { trainVectors } from './vectors/train-vectors.ts';
export type { EncodedVectors } from './vectors/write-ids.ts';
