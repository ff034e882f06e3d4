export type { DataName, EngineName, LossName, QuantizerName, TrainConfig, TrainOptions } from './config.ts';
export { configJsonSchema, configSchema, createConfig, loadConfig } from './config.ts';
export type { Preset, PresetName } from './presets.ts';
export { presets } from './presets.ts';
export type {
  CodeHistogram,
  CodeUse,
  Finding,
  ImagePairs,
  ImageQuality,
  MetricsRecord,
  ReportData,
  RunSummary,
  TrainRecord,
  ValidationRecord,
} from './report-data.ts';
