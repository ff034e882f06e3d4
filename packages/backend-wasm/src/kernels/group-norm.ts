import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { type Engine, engineOf } from '../engine.ts';

interface GroupNormAttrs {
  readonly groups: number;
  readonly epsilon: number;
}

/** y = (x - E[x]) / √(Var[x] + ε) · weight + bias of each image and group of channels. */
export const groupNorm: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { x, weight, bias } = inputs as Record<'x' | 'weight' | 'bias', TensorInfo>;
  const y = engine.output(x.shape, 'float32');
  const { epsilon } = attrs as unknown as GroupNormAttrs;
  run(engine, 'groupNormImages', x, [x, weight, bias, y], attrs, epsilon);
  return y;
};

/** Of each image and channel Σ dy, Σ dy · n, and the mean and scale behind n, the normalized x. */
export const groupNormSums: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, x } = inputs as Record<'dy' | 'x', TensorInfo>;
  const sums = engine.output([x.shape[0] as number, 4, x.shape.at(-1) as number], 'float32');
  const { epsilon } = attrs as unknown as GroupNormAttrs;
  run(engine, 'groupNormSums', x, [dy, x, sums], attrs, epsilon);
  return sums;
};

/** dx = (dy · weight - E[dy · weight] - n E[dy · weight · n]) / √(Var[x] + ε). */
export const groupNormGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { dy, x, weight, sums } = inputs as Record<'dy' | 'x' | 'weight' | 'sums', TensorInfo>;
  const dx = engine.output(x.shape, 'float32');
  run(engine, 'groupNormGradImages', x, [dy, x, weight, sums, dx], attrs);
  return dx;
};

/** Runs a function of assembly/group-norm.ts, with 16 rows of whole vectors of channels as each worker's room. */
function run(
  engine: Engine,
  name: string,
  { shape }: TensorInfo,
  tensors: readonly TensorInfo[],
  attrs: unknown,
  ...rest: number[]
): void {
  const batch = util.sizeFromShape(shape) === 0 ? 0 : (shape[0] as number);
  const [pixels, channels] = [util.sizeFromShape(shape.slice(1, -1)), shape.at(-1) as number];
  const { groups } = attrs as GroupNormAttrs;
  engine.scratch(16 * 4 * Math.ceil(channels / 4) * 4 * engine.threads, (room) => {
    const pointers = tensors.map((tensor) => engine.address(tensor));
    engine.run(name, batch, ...pointers, room, pixels, channels, groups, ...rest);
  });
}
