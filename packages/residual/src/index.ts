export type { ResidualDecodeOptions, ResidualQuantizeOptions } from './composition.ts';
export type { Grouped, GroupedConfig, GroupedOptions } from './grouped.ts';
export { createGrouped } from './grouped.ts';
export type { MemberConfig, ResidualConfig, ResidualOptions } from './residual.ts';
export { createResidual } from './residual.ts';
export type { LayerScale } from './scales.ts';
export type { Residual } from './stack.ts';
export type { ResidualGradient, StackOptions } from './stack-options.ts';
