import { engine, memory, type Tensor, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { createRng, type DataFormat, type Quantizer } from '@vqkit/core-tensor';
import { expect } from 'vitest';

/** Makes the quantizer of one variant. */
export type Make = (extra?: { dataFormat?: DataFormat; seed?: number }) => Quantizer;

export const LAYOUTS: readonly DataFormat[] = ['channelsLast', 'channelsFirst'];

/** Everything a training call may need. */
export const TRAIN = { training: true, step: 0 } as const;

/**
 * Runs a test body in a tensor scope of its own, so that it need not dispose anything but its quantizers, and checks that nothing
 * outlives it.
 */
export async function scoped(body: () => Promise<void>): Promise<void> {
  const before = memory().numTensors;
  engine().startScope();
  try {
    await body();
  } finally {
    engine().endScope();
  }
  expect(memory().numTensors, 'tensors that outlive the test').toBe(before);
}

/** Normal latents (standard deviation 1.5) for a quantizer: the tokens' values do not depend on the layout. */
export function latents(
  q: Quantizer,
  tokenShape: readonly number[],
  dataFormat: DataFormat = 'channelsLast',
  seed = 1,
): Tensor {
  const count = tokenShape.reduce((product, size) => product * size, 1);
  return fromTokens(createRng(seed).normalArray(count * q.dim, 1.5), tokenShape, q.dim, dataFormat);
}

/** A tensor from the values of its tokens, [N, dim] row by row. */
export function fromTokens(
  values: Float32Array,
  tokenShape: readonly number[],
  dim: number,
  dataFormat: DataFormat,
): Tensor {
  if (dataFormat === 'channelsLast') return tensor(values, [...tokenShape, dim], 'float32');
  const [batch = 1, ...rest] = tokenShape;
  const positions = rest.reduce((product, size) => product * size, 1);
  const moved = new Float32Array(values.length);
  for (let b = 0; b < batch; b++)
    for (let p = 0; p < positions; p++)
      for (let c = 0; c < dim; c++)
        moved[(b * dim + c) * positions + p] = values[(b * positions + p) * dim + c] as number;
  return tensor(moved, [batch, dim, ...rest], 'float32');
}

/** The values of a tensor's tokens, [N, dim] row by row: the inverse of {@link fromTokens}. */
export async function tokensOf(x: Tensor, dim: number, dataFormat: DataFormat): Promise<Float32Array> {
  const data = (await x.data()) as Float32Array;
  if (dataFormat === 'channelsLast') return data;
  const positions = x.shape.slice(2).reduce((product, size) => product * size, 1);
  return data.map((_, i) => {
    const [token, c] = [Math.floor(i / dim), i % dim];
    const [b, p] = [Math.floor(token / positions), token % positions];
    return data[(b * dim + c) * positions + p] as number;
  });
}

/** The trailing axis of the indices of a quantizer, as it shows on no tokens at all. */
export function codebookAxis(q: Quantizer): number[] {
  return tidy(() => q.encode(zeros([0, q.dim])).shape.slice(1));
}

export async function expectInRange(indices: Tensor, codebookSize: number): Promise<void> {
  for (const index of await indices.data()) {
    if (!(Number.isInteger(index) && index >= 0 && index < codebookSize))
      expect.fail(`index ${index} is outside [0, ${codebookSize})`);
  }
}
