import { add, grad, grads, mul, square, sum, type Tensor, type Tensor1D, tensor } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectIdentical, tolerances } from '@vqkit/testing';
import { expect, it } from 'vitest';
import { addPerChannel, multiplyPerChannel } from '../../src/kernels/per-channel.ts';

const inputs = (): [Tensor, Tensor1D] => [
  tensor(createRng(1).normalArray(3 * 50 * 5, 1), [3, 50, 5]),
  tensor(createRng(2).normalArray(5, 1), [5]),
];

eachEngine(() => {
  for (const [name, perChannel, plain] of [
    ['addPerChannel', addPerChannel, add],
    ['multiplyPerChannel', multiplyPerChannel, mul],
  ] as const) {
    it(`${name} has the values of tfjs's own, and its gradients`, async () => {
      const [x, own] = inputs();
      await expectIdentical(perChannel(x, own), await plain(x, own).data());
      const slopes = (operation: (x: Tensor, own: Tensor1D) => Tensor): Tensor[] => {
        const loss = (a: Tensor, b: Tensor): Tensor => sum(square(operation(a, b as Tensor1D)));
        const second = grad((b: Tensor) => sum(square(grad((a: Tensor) => loss(a, b))(x))));
        return [...grads(loss)([x, own]), second(own)];
      };
      const [found, expected] = [slopes(perChannel), slopes(plain)];
      for (const [i, slope] of found.entries()) {
        expect(slope.shape).toEqual(expected[i]?.shape);
        await expectClose(slope, await (expected[i] as Tensor).data(), 10 * tolerances.float32);
      }
    });
  }
});
