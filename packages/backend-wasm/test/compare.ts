import { backend, memory, type Tensor, tidy, zeros } from '@tensorflow/tfjs-core';
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

/** Runs `make` a thousand times: tensors, buffers, allocations and the wasm heap must stay as they are after the first runs. */
export async function expectNoLeaks(make: () => Tensor | Tensor[]): Promise<void> {
  const once = (): void => {
    for (const t of [tidy(make)].flat()) t.dispose();
  };
  for (let i = 0; i < 20; i++) once();
  // As much as makes the allocator look for its reserve, for which the heap may grow.
  for (let i = 0; i < 2; i++) zeros([2 ** 24]).dispose();
  const { allocations, stop } = countAllocations();
  const before = used();
  for (let i = 0; i < 1000; i++) once();
  stop();
  expect(allocations()).toBe(0);
  expect(used()).toEqual(before);
}

interface Wasm {
  readonly HEAPU8: Uint8Array;
  /** The functions themselves, around which nothing is. */
  readonly asm: { malloc(bytes: number): number; free(address: number): void };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** tfjs's module, which has the engine's memory. */
export function wasmModule(): Wasm {
  return (backend() as unknown as { wasm: Wasm }).wasm;
}

/** Takes all of the heap as tfjs's functions do inside, past the guard: addresses by bytes. */
export function takeAll(): Map<number, number[]> {
  const { malloc } = wasmModule().asm;
  const held = new Map<number, number[]>();
  for (let bytes = 2 ** 30; bytes >= 8; bytes /= 2) {
    const own: number[] = [];
    for (let address = malloc(bytes); address !== 0; address = malloc(bytes)) own.push(address);
    held.set(bytes, own);
  }
  return held;
}

/** Counts what is allocated and not freed, from here until `stop`. */
export function countAllocations(): { allocations: () => number; stop: () => void } {
  const module = wasmModule();
  const { _malloc, _free } = module;
  let allocations = 0;
  module._malloc = (bytes) => {
    const address = _malloc(bytes);
    allocations++;
    return address;
  };
  module._free = (address) => {
    if (address !== 0) allocations--;
    _free(address);
  };
  return { allocations: () => allocations, stop: () => Object.assign(module, { _malloc, _free }) };
}

function used(): { tensors: number; buffers: number; heapBytes: number } {
  const { numTensors: tensors, numDataBuffers: buffers } = memory();
  return { tensors, buffers, heapBytes: wasmModule().HEAPU8.byteLength };
}
