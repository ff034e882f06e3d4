import {
  argMax,
  engine,
  grads,
  mul,
  type Scalar,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createRng, gatherCodes, withoutGradient } from '../../src/index.ts';

eachEngine(() => {
  describe('gatherCodes', () => {
    it('copies the rows of the codebook', async () => {
      const codes: Tensor2D = tensor2d([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      const rows = gatherCodes(codes, tensor1d([2, 0, 2, 1], 'int32'));
      expect(rows.shape).toEqual([4, 2]);
      await expectSame(rows, [5, 6, 1, 2, 5, 6, 3, 4]);
    });

    it('sends each code the sum of the gradients of its rows, zeros to codes not in use', async () => {
      const [k, d, n] = [17, 5, 200];
      const rng = createRng(3);
      const indices = Int32Array.from({ length: n }, () => rng.integer(k - 1));
      const dy = rng.normalArray(n * d, 1);
      const expected = new Float64Array(k * d);
      indices.forEach((code, i) => {
        for (let j = 0; j < d; j++)
          expected[code * d + j] = (expected[code * d + j] as number) + (dy[i * d + j] as number);
      });
      const at: Tensor1D = tensor1d(indices, 'int32');
      const [dCodes] = grads((codes: Tensor) => sum(mul(gatherCodes(codes as Tensor2D, at), tensor2d(dy, [n, d]))))([
        tensor2d(rng.normalArray(k * d, 1), [k, d]),
      ]);
      expect((dCodes as Tensor).shape).toEqual([k, d]);
      await expectClose(dCodes as Tensor, expected, tolerances.float32);
    });

    it('can be differentiated where the indices come from activations', async () => {
      const codes: Tensor2D = tensor2d([
        [1, 2],
        [3, 4],
      ]);
      const x: Tensor2D = tensor2d([
        [0.5, 2],
        [4, 1],
      ]);
      const objective = (): Scalar => {
        const rows = gatherCodes(
          codes,
          withoutGradient(() => argMax(x, 1) as Tensor1D),
        );
        return sum(mul(rows, x));
      };
      const { grads: found } = engine().gradients(objective, [x, codes]);
      await expectSame(found[0] as Tensor, [3, 4, 1, 2]);
      await expectSame(found[1] as Tensor, [4, 1, 0.5, 2]);
    });
  });
});
