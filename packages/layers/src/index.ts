export type { QuantizerLayerOptions } from './quantizer-layer.ts';
export { QuantizerLayer, quantizerLayer } from './quantizer-layer.ts';
