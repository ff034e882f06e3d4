import { grad, type Scalar, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';

/**
 * Largest difference between the gradient of a scalar function and central differences, relative to the largest gradient
 * component. Not for straight-through operations, whose gradient is a surrogate by design.
 */
export async function gradientError(f: (x: Tensor) => Scalar, x: Tensor, step = 1e-2): Promise<number> {
  const analytic = grad(f)(x);
  const expected = await analytic.data();
  analytic.dispose();
  const values = await x.data();
  let worst = 0;
  let scale = 1e-30;
  for (let i = 0; i < values.length; i++) {
    const at = async (delta: number): Promise<number> => {
      const moved = Float32Array.from(values);
      moved[i] = (moved[i] as number) + delta;
      const y = tidy(() => f(tensor(moved, x.shape)));
      const [value] = await y.data();
      y.dispose();
      return value as number;
    };
    const difference = ((await at(step)) - (await at(-step))) / (2 * step);
    worst = Math.max(worst, Math.abs(difference - (expected[i] as number)));
    scale = Math.max(scale, Math.abs(expected[i] as number));
  }
  return worst / scale;
}
