export { configJsonSchema, configSchema, createConfig, loadConfig } from './config.ts';
export type { Preset } from './presets.ts';
export { presets } from './presets.ts';
export { writeReconstructions, writeReport } from './report/index.ts';
export type { Finding, ImagePairs, ReportData, RunSummary } from './report-data.ts';
export { filesToKeep } from './run-folder.ts';
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
