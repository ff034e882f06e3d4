import type { Tensor } from '@tensorflow/tfjs-core';
import type { SimVq } from '../src/index.ts';

/** A matrix in float64, row by row. */
export type Matrix = readonly Float64Array[];

/** The rows of a matrix. */
export async function rows(t: Tensor): Promise<Matrix> {
  const data = await t.data();
  const width = t.shape.at(-1) as number;
  return Array.from({ length: data.length / width }, (_, i) =>
    Float64Array.from(data.slice(i * width, (i + 1) * width)),
  );
}

/** The codebook T(F) in float64 from the state of a quantizer: y = x Wᵀ + b, layer by layer, with an activation between them. */
export async function codebook64(
  simvq: SimVq,
  activation = (value: number): number => Math.max(value, 0),
): Promise<Matrix> {
  const state = simvq.stateDict();
  const weights = Object.keys(state).filter((name) => name.endsWith('weight'));
  let codes = await rows(state.frozen_codebook as Tensor);
  for (const [layer, name] of weights.entries()) {
    const weight = await rows(state[name] as Tensor);
    const bias = await state[name.replace('weight', 'bias')]?.data();
    codes = codes.map((code) => {
      const x = layer === 0 ? code : code.map(activation);
      return Float64Array.from(weight, (w, j) =>
        w.reduce((sum, value, i) => sum + value * (x[i] as number), bias?.[j] ?? 0),
      );
    });
  }
  for (const t of Object.values(state)) t.dispose();
  return codes;
}

/** argmin_k |x_n - c_k|² in float64, lowest index on ties. */
export async function nearest64(x: Tensor, codes: Matrix): Promise<number[]> {
  return (await rows(x)).map((row) => {
    let best = Number.POSITIVE_INFINITY;
    let index = 0;
    codes.forEach((code, k) => {
      const distance = row.reduce((sum, value, i) => sum + (value - (code[i] as number)) ** 2, 0);
      if (distance < best) [best, index] = [distance, k];
    });
    return index;
  });
}
