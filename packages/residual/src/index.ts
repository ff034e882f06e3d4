export { assertLayerIndices } from './assert-layer-indices.ts';
export type { ResidualDecodeOptions, ResidualQuantizeOptions } from './composition.ts';
export type { Grouped, GroupedConfig, GroupedOptions } from './grouped.ts';
export { createGrouped } from './grouped.ts';
export type {
  GroupedResidualFsq,
  GroupedResidualFsqOptions,
  GroupedResidualLfq,
  GroupedResidualLfqOptions,
  GroupedResidualSimVq,
  GroupedResidualSimVqOptions,
  GroupedResidualVq,
  GroupedResidualVqOptions,
} from './grouped-residual.ts';
export {
  createGroupedResidualFsq,
  createGroupedResidualLfq,
  createGroupedResidualSimVq,
  createGroupedResidualVq,
} from './grouped-residual.ts';
export type { MemberConfig, ResidualConfig, ResidualOptions } from './residual.ts';
export { createResidual } from './residual.ts';
export type { ResidualFsq, ResidualFsqConfig, ResidualFsqOptions } from './residual-fsq.ts';
export { createResidualFsq } from './residual-fsq.ts';
export type {
  ResidualLfq,
  ResidualLfqConfig,
  ResidualLfqOptions,
  ResidualLfqQuantizeOptions,
} from './residual-lfq.ts';
export { createResidualLfq } from './residual-lfq.ts';
export type { ResidualSimVq, ResidualSimVqConfig, ResidualSimVqOptions } from './residual-simvq.ts';
export { createResidualSimVq } from './residual-simvq.ts';
export type { ResidualVq, ResidualVqConfig, ResidualVqOptions, ResidualVqQuantizeOptions } from './residual-vq.ts';
export { createResidualVq } from './residual-vq.ts';
export type { LayerScale } from './scales.ts';
export type { Residual } from './stack.ts';
export type { ResidualGradient, StackOptions } from './stack-options.ts';
export type { TrainableLayer } from './stack-parts.ts';
export type {
  StackQuantizeOptions,
  StackQuantizeResult,
  StackQuantizer,
} from './stack-quantizer.ts';
export { createStackQuantizer } from './stack-quantizer.ts';
