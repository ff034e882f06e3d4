import { expandDims, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import type { PlainTensor } from '../src/codec.ts';
import type { Vq } from '../src/index.ts';

export const EMBED = '_codebook.embed';
export const SIZES = '_codebook.cluster_size';
export const SUMS = '_codebook.embed_avg';
export const INITTED = '_codebook.initted';

export const stateTensor = (vq: Vq, name: string): Tensor => vq.stateDict()[name] as Tensor;

/** The state dict as plain data, as a codec takes it. */
export async function plainState(vq: Vq): Promise<Record<string, PlainTensor>> {
  const state: Record<string, PlainTensor> = {};
  for (const [key, value] of Object.entries(vq.stateDict())) {
    state[key] = { shape: value.shape, data: await value.data() };
  }
  return state;
}

/** Puts these codes in, with averages that stand for them. */
export function place(vq: Vq, codes: Tensor2D): void {
  const all = expandDims(codes, 0);
  vq.loadStateDict({ ...vq.stateDict(), [EMBED]: all, [SUMS]: all });
}

export async function expectSameState(actual: Vq, expected: Vq): Promise<void> {
  const state = expected.stateDict();
  for (const [name, value] of Object.entries(actual.stateDict())) await expectIdentical(value, state[name] as Tensor);
}

export async function expectCloseState(actual: Vq, expected: Vq): Promise<void> {
  const state = expected.stateDict();
  for (const [name, value] of Object.entries(actual.stateDict()))
    await expectClose(value, state[name] as Tensor, tolerances.float32);
}
