import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { SignAttrs } from '@vqkit/core-tensor';
import { engineOf } from '../engine.ts';

/** Tokens of one unit of work in assembly/sign.ts. */
const GROUP = 64;

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
