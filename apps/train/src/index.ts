export { isRowFile } from '@vqkit/rows';
export { configJsonSchema, configSchema, createConfig, loadConfig } from './config.ts';
export { layersText } from './layers-text.ts';
export { writeReconstructions } from './modalities/images/shown.ts';
export { modalityOf } from './modalities.ts';
export type { Preset } from './presets.ts';
export { presets } from './presets.ts';
export { writeReport } from './report/index.ts';
export { readRun } from './report/read-run.ts';
export type { Finding, ImagePairs, ReportData, RowIdsSummary, RunSummary, Shown } from './report-data.ts';
export { parseMetrics } from './report-schema.ts';
export { filesToKeep } from './run-folder.ts';
export type { ShardsHooks, ShardsResult } from './shards/encode-shards.ts';
export { encodeShards, isShardFolder } from './shards/encode-shards.ts';
export type { ShardOptions } from './shards/options.ts';
export { encodeShardsJsonSchema } from './shards/options.ts';
export type { EncoderOptions } from './shards/shard-encoder.ts';
export type { WorkerProcess } from './shards/worker-process.ts';
export { startWorkerProcess, WorkerDied } from './shards/worker-process.ts';
export { shellWord } from './shell-word.ts';
export type { CodeAges, DatedDiagnosis, Snapshot } from './snapshot.ts';
export { readSnapshot } from './snapshot.ts';
export type { TokenizerSource } from './tokenizer.ts';
export { isAudioTokenizer, isVectorTokenizer, loadTokenizer, readTokenizer } from './tokenizer.ts';
export { decodeSounds } from './tokens/decode-sounds.ts';
export type { DecodeOptions } from './tokens/decode-tokens.ts';
export { decodeJsonSchema, decodeTokens } from './tokens/decode-tokens.ts';
export type { DecodeVectorOptions } from './tokens/decode-vectors.ts';
export { decodeVectors } from './tokens/decode-vectors.ts';
export type { Encoded, EncodeOptions, TokenHooks, TokenResult } from './tokens/encode-images.ts';
export { encodeImages, encodeJsonSchema } from './tokens/encode-images.ts';
export type { EncodedSounds, EncodeSoundOptions } from './tokens/encode-sounds.ts';
export { encodeSounds } from './tokens/encode-sounds.ts';
export type { EncodedVectors, EncodeVectorOptions, VectorHooks, VectorResult } from './tokens/encode-vectors.ts';
export { encodeVectors, encodeVectorsJsonSchema } from './tokens/encode-vectors.ts';
export type { StartInfo, TrainHooks, TrainResult } from './train.ts';
export { resumeTraining, train } from './train.ts';
export type {
  EngineName,
  ImageConfig,
  ImageOptions,
  LossName,
  PresetName,
  TrainConfig,
  TrainOptions,
  VectorConfig,
} from './train-options.ts';
