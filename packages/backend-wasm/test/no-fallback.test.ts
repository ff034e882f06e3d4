import {
  add,
  depthwiseConv2d,
  einsum,
  gather,
  grads,
  logSumExp,
  matMul,
  mean,
  mul,
  randomNormal,
  reshape,
  rsqrt,
  type Scalar,
  softmax,
  square,
  sub,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor1d,
} from '@tensorflow/tfjs-core';
import { gelu, groupNorm } from '@vqkit/nn';
import { expectNoFallback, startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';

const [TOKENS, WIDTH, HEADS] = [6, 8, 2];
const normal = (shape: number[], seed: number): Tensor => randomNormal(shape, 0, 0.3, 'float32', seed);

function layerNorm(x: Tensor, scale: Tensor): Tensor {
  const centred = sub(x, mean(x, -1, true));
  return mul(mul(centred, rsqrt(add(mean(square(centred), -1, true), 1e-5))), scale);
}

/** Self-attention with the heads split by Einsum, then a GELU layer, each behind a layer norm and beside a residual. */
function block(x: Tensor, [toQkv, out, up, down, scale]: Tensor[]): Tensor {
  const normed = layerNorm(x, scale as Tensor);
  const [q, k, v] = [0, 1, 2].map((i) => {
    const weight = gather(toQkv as Tensor, i);
    return einsum('btc,chd->bhtd', normed, reshape(weight, [WIDTH, HEADS, WIDTH / HEADS]));
  }) as [Tensor, Tensor, Tensor];
  const weights = softmax(mul(matMul(q, k, false, true), (WIDTH / HEADS) ** -0.5));
  const joined = einsum('bhtd,hdc->btc', matMul(weights, v), reshape(out as Tensor, [HEADS, WIDTH / HEADS, WIDTH]));
  const attended = add(x, joined);
  const rows = reshape(layerNorm(attended, scale as Tensor), [-1, WIDTH]) as Tensor2D;
  return add(attended, reshape(matMul(gelu(matMul(rows, up as Tensor2D)), down as Tensor2D), x.shape));
}

beforeAll(() => startEngine('wasm'));

describe('training on wasm needs no other engine', () => {
  it('a transformer block: embedding, layer norm, attention, Einsum, softmax, GELU, cross-entropy', async () => {
    const ids = tensor1d([0, 3, 1, 4, 4, 2, 0, 1, 2, 3, 3, 1], 'int32');
    const inputs = [[5, WIDTH], [3, WIDTH, WIDTH], [WIDTH, WIDTH], [WIDTH, 16], [16, WIDTH], [WIDTH]].map(normal);
    const loss = (table: Tensor, ...weights: Tensor[]): Scalar => {
      const x = block(reshape(gather(table, ids), [2, TOKENS, WIDTH]), weights);
      const logits = matMul(reshape(x, [-1, WIDTH]) as Tensor2D, table as Tensor2D, false, true);
      return mean(logSumExp(logits, -1)) as Scalar;
    };
    const ran = await expectNoFallback(() => grads(loss)(inputs));
    expect(ran).toEqual(expect.arrayContaining(['Einsum', 'BatchMatMul', 'Softmax', 'GatherV2', 'Gelu', 'GeluGrad']));
  });

  it('a depthwise block with group norm', async () => {
    const loss = (x: Tensor, filter: Tensor): Scalar => {
      const y = gelu(groupNorm(depthwiseConv2d(x as Tensor4D, filter as Tensor4D, 1, 'same'), 2));
      return mean(square(y)) as Scalar;
    };
    const ran = await expectNoFallback(() => grads(loss)([normal([2, 6, 6, 4], 1), normal([3, 3, 4, 1], 2)]));
    expect(ran).toContain('DepthwiseConv2dNativeBackpropFilter');
  });
});
