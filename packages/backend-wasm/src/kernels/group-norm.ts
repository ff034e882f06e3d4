import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

interface GroupNormAttrs {
  readonly groups: number;
  readonly epsilon: number;
}

/** y = (x - E[x]) / √(Var[x] + ε) of each image and group of channels. */
export const groupNorm: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const y = engine.output(x.shape, 'float32');
  engine.run('groupNormImages', batchOf(x), engine.address(x), engine.address(y), ...geometry(x, attrs));
  return y;
};

/** dx = (dy - E[dy] - y E[dy · y]) / √(Var[x] + ε). */
export const groupNormGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, x } = inputs as { dy: TensorInfo; x: TensorInfo };
  const dx = engine.output(x.shape, 'float32');
  const pointers = [dy, x, dx].map((tensor) => engine.address(tensor));
  engine.run('groupNormGradImages', batchOf(x), ...pointers, ...geometry(x, attrs));
  return dx;
};

function batchOf(x: TensorInfo): number {
  return util.sizeFromShape(x.shape) === 0 ? 0 : (x.shape[0] as number);
}

/** pixels, channels, groups, epsilon. */
function geometry({ shape }: TensorInfo, attrs: unknown): number[] {
  const { groups, epsilon } = attrs as GroupNormAttrs;
  return [util.sizeFromShape(shape.slice(1, -1)), shape.at(-1) as number, groups, epsilon];
}
