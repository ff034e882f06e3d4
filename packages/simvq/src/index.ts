export type { SimVqConfig, SimVqOptions } from './options.ts';
export type { SimVq, SimVqLoss } from './simvq.ts';
export { createSimVq } from './simvq.ts';
export type {
  Activation,
  CodebookTransform,
  CodebookTransformConfig,
  CodebookTransformOption,
  MlpTransform,
} from './transform.ts';
