import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { DataError } from '@vqkit/core-tensor';
import { eachEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
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

describe('types that TensorFlow.js has not', () => {
  it('become float32 and int32 where that is exact', async () => {
    for (const [value, dtype, values] of [
      [{ dtype: 'F16', shape: [2], data: new Uint16Array([0x3c00, 0xc100]) }, 'float32', [1, -2.5]],
      [{ dtype: 'BF16', shape: [1], data: new Uint16Array([0x4040]) }, 'float32', [3]],
      [{ dtype: 'F64', shape: [1], data: new Float64Array([0.5]) }, 'float32', [0.5]],
      [{ dtype: 'I64', shape: [], data: new BigInt64Array([-7n]) }, 'int32', [-7]],
      [{ dtype: 'U8', shape: [1], data: new Uint8Array([200]) }, 'int32', [200]],
    ] as const) {
      const made = fromSafeTensor('w', value);
      expect([made.dtype, made.shape, [...(await made.data())]]).toEqual([dtype, value.shape, values]);
      made.dispose();
    }
  });

  it('are refused by name where it is not', async () => {
    const wide = { dtype: 'I64', shape: [1], data: new BigInt64Array([2n ** 40n]) } as const;
    expect(() => fromSafeTensor('mask', wide)).toThrow(DataError);
    expect(() => fromSafeTensor('mask', wide)).toThrow(
      "fromSafeTensor: 'mask' must hold values that int32 holds exactly, got 1099511627776n at flat position 0.",
    );
    await expect(toSafeTensor(tensor(['a']))).rejects.toThrow('must be float32, int32 or bool, got string.');
  });
});
