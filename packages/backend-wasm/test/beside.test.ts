import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import {
  add,
  cast,
  conv2d,
  fused,
  gather,
  getGradient,
  grad,
  image,
  losses,
  matMul,
  maxPool,
  mean,
  mul,
  randomNormal,
  relu,
  removeBackend,
  reshape,
  round,
  type Scalar,
  setBackend,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tensor1d,
  tidy,
  train,
  variable,
} from '@tensorflow/tfjs-core';
import { replacementReport } from '@vqkit/core-tensor';
import { expect, it } from 'vitest';
import { init } from '../src/index.ts';

const normal = (shape: number[], seed: number): Tensor => randomNormal(shape, 0, 1, 'float32', seed);
const images = (seed = 1): Tensor4D => normal([3, 9, 8, 5], seed) as Tensor4D;

/** Weights of a classifier of plain TensorFlow.js after 30 steps of its own Adam, its loss a mean over 160 rows. */
function trained(): Tensor[] {
  const [x, y] = [normal([160, 20], 1), normal([160, 3], 2)];
  const weights = [[20, 48], [48], [48, 3], [3]].map((shape, i) => variable(mul(normal(shape, i + 3), 0.3)));
  const optimizer = train.adam(0.01);
  const loss = (): Scalar => {
    const [first, bias, second, offset] = weights as unknown as [Tensor, Tensor, Tensor, Tensor];
    const hidden = relu(add(matMul(x, first), bias));
    const output = add(matMul(hidden, second), offset);
    return add(losses.meanSquaredError(y, output), mean(sum(square(sub(output, y)), 1))) as Scalar;
  };
  for (let step = 0; step < 30; step++) tidy(() => void optimizer.minimize(loss));
  optimizer.dispose();
  return weights;
}

/** What plain TensorFlow.js computes on wasm, by the kernels that do it: all that `init` could change. */
const plain: Record<string, () => Tensor[]> = {
  training: trained,
  BatchMatMul: () => [matMul(normal([70, 900], 1), normal([900, 33], 2))],
  _FusedMatMul: () => [
    fused.matMul({
      a: normal([70, 90], 1) as Tensor2D,
      b: normal([90, 33], 2) as Tensor2D,
      bias: normal([33], 3),
      activation: 'relu',
    }),
  ],
  Conv2D: () => [conv2d(images(), normal([3, 3, 5, 12], 2) as Tensor4D, 1, 'same')],
  FusedConv2D: () => [
    fused.conv2d({
      x: images(),
      filter: normal([3, 3, 5, 12], 2) as Tensor4D,
      strides: 1,
      pad: 'same',
      bias: normal([12], 3) as Tensor1D,
      activation: 'relu',
    }),
  ],
  Conv2DBackpropInput: () => {
    const filter = normal([3, 3, 5, 12], 2) as Tensor4D;
    return [grad((x: Tensor) => mul(conv2d(x as Tensor4D, filter, 2, 'same'), normal([3, 5, 4, 12], 4)))(images())];
  },
  MaxPool: () => [maxPool(images(), 2, 2, 'valid')],
  MaxPoolGrad: () => [
    grad((x: Tensor) => mul(maxPool(x as Tensor4D, 2, 2, 'valid'), normal([3, 4, 4, 5], 2)))(images()),
  ],
  Sum: () => [sum(normal([500, 8], 1), 0), sum(normal([1600], 1)), sum(normal([40, 30], 1), 1)],
  Mean: () => [mean(normal([500, 8], 1), 0), mean(normal([1600], 1)), mean(normal([40, 30], 1), 1)],
  'gradients of Sum and Mean': () =>
    [sum, mean].flatMap((reduce) =>
      [undefined, 0, [0, 2], -1].map((axis) =>
        grad((x: Tensor) => square(reduce(mul(x, 1 / 3), axis)))(normal([30, 7, 11], 1)),
      ),
    ),
  Cast: () => [cast(normal([40], 1), 'float32'), cast(mul(normal([40], 1), 9), 'int32'), cast(round(images()), 'bool')],
  Identity: () => [normal([40], 1).clone(), reshape(images(), [-1])],
  Multiply: () => [mul(images(), images(2)), mul(images(), 1 / 3), mul(images(), normal([5], 2))],
  GatherV2: () => [gather(normal([40, 7], 1), tensor1d([3, 39, 0, 3], 'int32')), gather(normal([9, 8], 1), [1, 7], 1)],
  ResizeNearestNeighbor: () =>
    (
      [
        [18, 16],
        [4, 3],
        [13, 21],
      ] as [number, number][]
    ).flatMap((size) => [
      image.resizeNearestNeighbor(images(), size),
      image.resizeNearestNeighbor(images(), size, true),
      image.resizeNearestNeighbor(images(), size, false, true),
    ]),
  ResizeNearestNeighborGrad: () =>
    (
      [
        [18, 16],
        [4, 3],
        [13, 21],
      ] as [number, number][]
    ).map((size) =>
      grad((x: Tensor) => mul(image.resizeNearestNeighbor(x as Tensor4D, size), normal([3, ...size, 5], 2)))(images()),
    ),
};

/** The bits of all that {@link plain} gives. */
async function numbers(): Promise<Record<string, number[][]>> {
  const results: Record<string, number[][]> = {};
  for (const [name, run] of Object.entries(plain)) {
    const tensors = run();
    results[name] = await Promise.all(
      tensors.map(async (t) => [...new Uint32Array(new Float32Array(await t.data()).buffer)]),
    );
    for (const t of tensors) t.dispose();
  }
  return results;
}

it('plain TensorFlow.js computes and trains beside it to the same bits, with any number of threads', async () => {
  const require = createRequire(import.meta.url);
  setWasmPaths(`${join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out')}/`);
  setThreadsCount(1);
  expect(await setBackend('wasm')).toBe(true);
  const own = getGradient('Sum');
  expect(replacementReport()).toEqual({ kernels: [], gradients: [] });
  const alone = await numbers();

  for (const threads of [1, 2]) {
    removeBackend('wasm');
    const { replaces } = await init({ threads });
    // Each of them stands in the table above.
    expect(replaces).toEqual({
      kernels: ['Cast', 'GatherV2', 'Identity', 'Multiply', 'ResizeNearestNeighbor', 'ResizeNearestNeighborGrad'],
      gradients: ['Mean', 'Sum'],
    });
    expect(Object.keys(plain)).toEqual(expect.arrayContaining([...replaces.kernels]));
    expect(getGradient('Sum')).not.toBe(own);
    expect(await numbers()).toEqual(alone);
  }

  // With the faster versions they differ, and the report says which.
  const { replaces } = await init({ replaceTfjs: true });
  const more = ['BatchMatMul', 'Conv2D', 'Conv2DBackpropInput', 'FusedConv2D', 'MaxPool', 'MaxPoolGrad', 'Mean', 'Sum'];
  expect(replaces.kernels).toEqual(expect.arrayContaining([...more, '_FusedMatMul']));
  expect(await init()).toMatchObject({ replaces });
  const faster = await numbers();
  const differing = Object.keys(plain).filter((name) => `${faster[name]}` !== `${alone[name]}`);
  expect(differing).toEqual(expect.arrayContaining(['training', 'BatchMatMul', 'MaxPoolGrad', 'Sum', 'Mean']));
});
