import { createRng } from '@vqkit/core-tensor';
import { createFsqCodec } from '@vqkit/fsq/codec';
import { createLfqCodec } from '@vqkit/lfq/codec';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { fsqGraph, lfqGraph, nearestGraph } from '../../src/kernels/onnx.ts';

async function run(graph: Uint8Array, x: Float32Array, width: number): Promise<Int32Array> {
  const session = await InferenceSession.create(graph);
  const [name = ''] = session.inputNames;
  const { ids } = await session.run({ [name]: new Tensor('float32', x, [x.length / width, width]) });
  return ids?.data as Int32Array;
}

/** The nearest rows by float64 sums. */
function nearest(x: Float32Array, codes: Float32Array, width: number): Int32Array {
  const distance = (n: number, k: number): number => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += ((x[n * width + i] ?? 0) - (codes[k * width + i] ?? 0)) ** 2;
    return sum;
  };
  return Int32Array.from({ length: x.length / width }, (_, n) => {
    let best = 0;
    for (let k = 1; k < codes.length / width; k++) if (distance(n, k) < distance(n, best)) best = k;
    return best;
  });
}

describe('the graphs of the peers', () => {
  const rng = createRng(1);

  it('give the ids of FSQ', async () => {
    const levels = [8, 5, 5, 5];
    const z = rng.normalArray(4 * 1000, 1.5);
    expect(await run(fsqGraph(levels), z, 4)).toEqual(createFsqCodec({ levels }).encode(z));
  });

  it('give the ids of LFQ', async () => {
    const x = rng.normalArray(10 * 1000, 1);
    expect(await run(lfqGraph(10), x, 10)).toEqual(createLfqCodec({ dim: 10, codebookSize: 1024 }).encode(x));
  });

  it('give the nearest of the codes, in their own space and in a narrower one', async () => {
    const [dim, width, count] = [6, 2, 50];
    const frozen = rng.normalArray(count * width, 1);
    const weight = rng.normalArray(dim * width, 1);
    const codes = Float32Array.from({ length: count * dim }, (_, at) => {
      const [k, i] = [Math.floor(at / dim), at % dim];
      let sum = 0;
      for (let j = 0; j < width; j++) sum += (weight[i * width + j] ?? 0) * (frozen[k * width + j] ?? 0);
      return sum;
    });
    const bias = Float32Array.from(
      { length: count },
      (_, k) => -codes.slice(k * dim, (k + 1) * dim).reduce((sum, value) => sum + value * value, 0) / 2,
    );
    const x = rng.normalArray(dim * 200, 1);
    const wanted = nearest(x, codes, dim);
    const full = nearestGraph({ values: codes, count, width: dim }, bias);
    expect(await run(full, x, dim)).toEqual(wanted);
    const narrow = nearestGraph({ values: frozen, count, width }, bias, { values: weight, dim });
    expect(await run(narrow, x, dim)).toEqual(wanted);
  });
});
