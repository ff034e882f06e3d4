import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { eachEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../src/index.ts';
import { fromSafeTensor, toSafeTensor } from '../src/tensors.ts';

eachEngine(() => {
  describe('toSafeTensor and fromSafeTensor', () => {
    it.each([
      ['float32', 'F32', [1.5, -0, 2 ** 127]],
      ['int32', 'I32', [1, -(2 ** 31), 2 ** 31 - 1]],
      ['bool', 'BOOL', [1, 0, 1]],
    ] as const)('bring %s there and back', async (dtype, safe, values) => {
      const before = tensor([...values], [3, 1], dtype);
      const stored = await toSafeTensor(before);
      expect([stored.dtype, stored.shape, [...(stored.data as Float32Array)]]).toEqual([safe, [3, 1], values]);
      const after = fromSafeTensor('x', stored);
      expect([after.dtype, after.shape, [...(await after.data())]]).toEqual([dtype, [3, 1], values]);
      for (const each of [before, after] as Tensor[]) each.dispose();
    });
  });
});

describe('other types', () => {
  it('are refused by name', async () => {
    const half = { dtype: 'F16', shape: [1], data: new Uint16Array(1) } as const;
    expect(() => fromSafeTensor('w', half)).toThrow(CheckpointError);
    expect(() => fromSafeTensor('w', half)).toThrow("tensor 'w' must be F32, I32 or BOOL, got F16. Convert it.");
    await expect(toSafeTensor(tensor(['a']))).rejects.toThrow('must be float32, int32 or bool, got string.');
  });
});
