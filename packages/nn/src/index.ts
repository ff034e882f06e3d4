export type { AdamWStepOptions } from './kernels/adamw-step.ts';
export { adamWStep } from './kernels/adamw-step.ts';
export type { ConvSameOptions } from './kernels/conv-same.ts';
export { convSame } from './kernels/conv-same.ts';
export { gelu } from './kernels/gelu.ts';
export { groupNorm } from './kernels/group-norm.ts';
