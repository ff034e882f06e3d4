import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import {
  getGradient,
  matMul,
  mean,
  relu,
  type Scalar,
  setBackend,
  square,
  sub,
  sum,
  type Tensor2D,
  tensor2d,
  tidy,
  train,
  variable,
} from '@tensorflow/tfjs-core';
import { createRng, replacementReport } from '@vqkit/core-tensor';
import { tolerances } from '@vqkit/testing';
import { expect, it } from 'vitest';
import { init } from '../src/index.ts';

/** A model of plain TensorFlow.js after 30 steps of its own Adam. */
async function plainModel(): Promise<number[]> {
  const rng = createRng(1);
  const draw = (rows: number, columns: number): Tensor2D =>
    tensor2d(rng.normalArray(rows * columns, 0.5), [rows, columns]);
  const [x, y] = [draw(64, 8), draw(64, 3)];
  const [first, second] = [variable(draw(8, 16)), variable(draw(16, 3))];
  const optimizer = train.adam(0.01);
  const loss = (): Scalar => {
    const output = matMul(relu(matMul(x, first as Tensor2D)), second as Tensor2D);
    return mean(sum(square(sub(output, y)), 1)) as Scalar;
  };
  for (let step = 0; step < 30; step++) tidy(() => void optimizer.minimize(loss));
  const weights = [...(await first.data()), ...(await second.data())];
  for (const tensor of [x, y, first, second]) tensor.dispose();
  optimizer.dispose();
  return weights;
}

it('trains a plain model of TensorFlow.js to the same numbers before and after', async () => {
  const require = createRequire(import.meta.url);
  setWasmPaths(`${join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out')}/`);
  setThreadsCount(1);
  expect(await setBackend('wasm')).toBe(true);
  const own = getGradient('Sum');
  expect(replacementReport()).toEqual({ kernels: [], gradients: [] });
  const alone = await plainModel();

  const { replaces } = await init();
  expect(replaces.gradients).toEqual(['Mean', 'Sum']);
  expect(replaces.kernels).toEqual(expect.arrayContaining(['BatchMatMul', 'Mean', 'Sum']));
  expect(replaces.kernels).not.toContain('NearestCode');
  expect(getGradient('Sum')).not.toBe(own);
  const beside = await plainModel();
  expect(alone.length).toBe(8 * 16 + 16 * 3);
  const worst = Math.max(...alone.map((value, i) => Math.abs(value - (beside[i] as number))));
  expect(worst).toBeLessThan(tolerances.float32);
});
