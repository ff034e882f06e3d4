import {
  cumsum,
  floor,
  gather,
  lessEqual,
  maximum,
  mul,
  scalar,
  sum,
  type Tensor1D,
  tensor1d,
} from '@tensorflow/tfjs-core';
import type { Rng } from '@vqkit/core-tensor';

/**
 * Weights that keep a random share of the real tokens, at least one of them if there is any: [n] of 0 or 1.
 *
 * @param weights [n] of 0 (padding) or 1; undefined when all are real.
 * @param share in (0, 1]; `max(1, ⌊share · real⌋)` tokens stay.
 */
export function randomShare(weights: Tensor1D | undefined, n: number, share: number, rng: Rng): Tensor1D {
  const order = rng.permutation(n);
  if (weights === undefined) {
    const kept = new Float32Array(n);
    for (const token of order.subarray(0, Math.max(1, Math.floor(n * share)))) kept[token] = 1;
    return tensor1d(kept);
  }
  // The mask is on the engine and is not read: the first tokens of a random order stay, counting real ones only.
  const rank = new Int32Array(n);
  order.forEach((token, position) => {
    rank[token] = position;
  });
  const shuffled = gather(weights, tensor1d(order, 'int32'));
  const most = maximum(floor(mul(sum(weights), share)), scalar(1));
  const kept = mul(shuffled, lessEqual(cumsum(shuffled), most)) as Tensor1D;
  return gather(kept, tensor1d(rank, 'int32'));
}
