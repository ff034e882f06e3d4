import { backend, memory, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { expectClose, startEngine, tolerances } from '@vqkit/testing';
import { expect } from 'vitest';

/** Runs `make` on the cpu engine and on ours, and expects the same shapes and values of every tensor. */
export async function expectAsOnCpu(
  make: () => Tensor | Tensor[],
  tolerance: number = tolerances.float32,
): Promise<void> {
  const run = async (
    engine: 'cpu' | 'wasm',
  ): Promise<{ shape: number[]; dtype: string; data: ArrayLike<number> }[]> => {
    await startEngine(engine);
    const tensors = [tidy(make)].flat();
    const results = tensors.map(async (t) => ({ shape: t.shape, dtype: t.dtype, data: await t.data() }));
    const read = await Promise.all(results);
    for (const t of tensors) t.dispose();
    return read;
  };
  const expected = await run('cpu');
  const actual = await run('wasm');
  expect(actual.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    expected.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  for (const [i, { data }] of actual.entries()) await expectClose(data, expected[i]?.data ?? [], tolerance);
}

/** Runs `make` a thousand times: tensors, data buffers and the wasm heap must stay as they are after the first runs. */
export async function expectNoLeaks(make: () => Tensor | Tensor[]): Promise<void> {
  const once = (): void => {
    for (const t of [tidy(make)].flat()) t.dispose();
  };
  for (let i = 0; i < 20; i++) once();
  const before = used();
  for (let i = 0; i < 1000; i++) once();
  expect(used()).toEqual(before);
}

function used(): { tensors: number; buffers: number; heapBytes: number } {
  const { numTensors: tensors, numDataBuffers: buffers } = memory();
  const { wasm } = backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
  return { tensors, buffers, heapBytes: wasm.HEAPU8.byteLength };
}
