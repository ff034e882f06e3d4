export type { OnnxDescription, OnnxTensor } from './describe-onnx.ts';
export { describeOnnx } from './describe-onnx.ts';
export { exportNetwork } from './network.ts';
export type { ExportQuantizerOptions, QuantizerGraphs } from './quantizer.ts';
export { exportQuantizer } from './quantizer.ts';
export type { TokenizerGraphs } from './tokenizer.ts';
export { exportOnnx } from './tokenizer.ts';
