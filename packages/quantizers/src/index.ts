export type {
  DataFormat,
  QuantizeOptions,
  QuantizeResult,
  Quantizer,
  Rng,
  RngState,
  Schedule,
} from '@vqkit/core-tensor';
export {
  assertFinite,
  assertIndices,
  createRng,
  DataError,
  DisposedError,
  DtypeError,
  OptionError,
  QuantizerError,
  ShapeError,
  UnsupportedError,
} from '@vqkit/core-tensor';
export type { Fsq, FsqConfig, FsqOptions } from '@vqkit/fsq';
export { createFsq } from '@vqkit/fsq';
export type { Lfq, LfqConfig, LfqLoss, LfqOptions, LfqQuantizeOptions } from '@vqkit/lfq';
export { createLfq } from '@vqkit/lfq';
export { commitmentLoss, lfqEntropy, orthogonalityLoss, rotateTo, unitNormLoss } from '@vqkit/losses';
export type { Diagnosis, Problem, Tracker, TrackerOptions, TrackerReport, TrackerUpdate } from '@vqkit/metrics';
export { createTracker, diagnose, flipRate, psnr, ssim } from '@vqkit/metrics';
export type {
  Grouped,
  GroupedConfig,
  GroupedOptions,
  GroupedResidualFsq,
  GroupedResidualFsqOptions,
  GroupedResidualLfq,
  GroupedResidualLfqOptions,
  GroupedResidualSimVq,
  GroupedResidualSimVqOptions,
  GroupedResidualVq,
  GroupedResidualVqOptions,
  LayerScale,
  MemberConfig,
  Residual,
  ResidualConfig,
  ResidualDecodeOptions,
  ResidualFsq,
  ResidualFsqConfig,
  ResidualFsqOptions,
  ResidualGradient,
  ResidualLfq,
  ResidualLfqConfig,
  ResidualLfqOptions,
  ResidualLfqQuantizeOptions,
  ResidualOptions,
  ResidualQuantizeOptions,
  ResidualSimVq,
  ResidualSimVqConfig,
  ResidualSimVqOptions,
  ResidualVq,
  ResidualVqConfig,
  ResidualVqOptions,
  ResidualVqQuantizeOptions,
  StackOptions,
} from '@vqkit/residual';
export {
  assertLayerIndices,
  createGrouped,
  createGroupedResidualFsq,
  createGroupedResidualLfq,
  createGroupedResidualSimVq,
  createGroupedResidualVq,
  createResidual,
  createResidualFsq,
  createResidualLfq,
  createResidualSimVq,
  createResidualVq,
} from '@vqkit/residual';
export type { SimVq, SimVqConfig, SimVqLoss, SimVqOptions } from '@vqkit/simvq';
export { createSimVq } from '@vqkit/simvq';
export type { Vq, VqConfig, VqLoss, VqOptions, VqQuantizeOptions } from '@vqkit/vq';
export { createVq } from '@vqkit/vq';
export type { QuantizerName } from './entries.ts';
export { QUANTIZERS } from './entries.ts';
export type { NextRun, QuantizerEntry } from './entry.ts';
export type { FlagName, QuantizerFlag } from './flags.ts';
export { QUANTIZER_FLAGS } from './flags.ts';
export { quantizerEntry, quantizerNames, stackOf } from './registry.ts';
