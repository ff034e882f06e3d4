import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { SignAttrs } from '@vqkit/core-tensor';
import { engineOf } from '../engine.ts';

/** Tokens of one unit of work in assembly/sign.ts. */
const GROUP = 32;

/** Codes and indices from the signs, in one pass. */
export const signQuantize: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const { scale } = attrs as unknown as SignAttrs;
  const [tokens, dim] = x.shape as [number, number];
  const codes = engine.output([tokens, dim], 'float32');
  const indices = engine.output([tokens], 'int32');
  const [from, to, index] = [engine.address(x), engine.address(codes), engine.address(indices)];
  engine.run('signQuantize', Math.ceil(tokens / GROUP), from, to, index, scale, tokens, dim);
  return [codes, indices];
};

/** Indices alone. */
export const signEncode: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const [tokens, dim] = x.shape as [number, number];
  const indices = engine.output([tokens], 'int32');
  const [from, to] = [engine.address(x), engine.address(indices)];
  engine.run('signQuantize', Math.ceil(tokens / GROUP), from, 0, to, 1, tokens, dim);
  return indices;
};

/** Indices of one unit of work in assembly/select.ts. */
const BLOCK = 1024;

/** The codes of indices, bit by bit. */
export const signDecode: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { indices } = inputs as { indices: TensorInfo };
  const { dim, scale } = attrs as unknown as SignAttrs & { dim: number };
  const [tokens] = indices.shape as [number];
  const codes = engine.output([tokens, dim], 'float32');
  const pointers = [indices, codes].map((tensor) => engine.address(tensor));
  engine.run('signDecode', Math.ceil(tokens / BLOCK), ...pointers, scale, tokens, dim);
  return codes;
};
