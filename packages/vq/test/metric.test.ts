import { grad, sum, type Tensor, tensor2d, tensor3d } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine } from '@vqkit/testing';
import { createVq } from '@vqkit/vq';
import { createVqCodec } from '@vqkit/vq/codec';
import { describe, expect, it } from 'vitest';

const DIM = 6;
const CODES = 40;
const TOKENS = 60;
const rng = createRng(5);
// Lengths from 0.1 to 10, so that the three metrics disagree.
const codes = Float32Array.from({ length: CODES * DIM }, (_, i) => rng.normal() * 10 ** (((i / DIM) | 0) % 3) * 0.1);
const tokens = Float32Array.from({ length: TOKENS * DIM }, () => rng.normal());
const rows = (flat: Float32Array): Float32Array[] =>
  Array.from({ length: flat.length / DIM }, (_, n) => flat.subarray(n * DIM, (n + 1) * DIM));
const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

/** Brute force in float64. */
const SCORES = {
  cosine: (x: Float32Array, c: Float32Array) => dot(x, c) / Math.sqrt(dot(c, c)),
  dot,
};
const expected = (metric: 'cosine' | 'dot'): number[] =>
  rows(tokens).map((x) => {
    const scores = rows(codes).map((c) => SCORES[metric](x, c));
    return scores.indexOf(Math.max(...scores));
  });
const codebook = { shape: [CODES, DIM], data: codes };

describe.each(['cosine', 'dot'] as const)('metric %s', (metric) => {
  it('differs from the nearest code', () => {
    const nearest = createVqCodec({ dim: DIM, codebookSize: CODES }, { codebook });
    expect([...nearest.encode(tokens)]).not.toEqual(expected(metric));
  });

  it('is that of float64 in a codec, which puts codes out at their own length', () => {
    const codec = createVqCodec({ dim: DIM, codebookSize: CODES, metric }, { codebook });
    const ids = codec.encode(tokens);
    expect([...ids]).toEqual(expected(metric));
    expect(codec.decode(ids).subarray(0, DIM)).toEqual(rows(codes)[ids[0] as number]);
    expect([...codec.encode(new Float32Array(DIM))]).toEqual([0]);
  });

  eachEngine(() => {
    it('gives the same ids, the codes as they are, and a gradient', async () => {
      const vq = createVq({ dim: DIM, codebookSize: CODES, metric, learnableCodebook: true, rotationTrick: false });
      const state = vq.stateDict();
      const embed = tensor3d(codes, [1, CODES, DIM]);
      vq.loadStateDict({ ...state, '_codebook.embed': embed });
      const z = tensor2d(tokens, [TOKENS, DIM]);
      const { quantized, indices, loss } = vq.quantize(z, { training: true });
      const ids = await indices.data();
      expect([...ids]).toEqual(expected(metric));
      expect((await quantized.data()).subarray(0, DIM)).toEqual(rows(codes)[ids[0] as number]);
      expect((await loss.data())[0]).toBeGreaterThan(0);
      const gradient = grad((x: Tensor) => sum(vq.quantize(x).quantized))(z);
      expect(new Set(await gradient.data())).toEqual(new Set([1]));
      vq.dispose();
    });
  });
});

describe('metric', () => {
  it('goes with neither cosine similarity nor softmaxes of distances', () => {
    const small = { dim: 2, codebookSize: 4 } as const;
    expect(() => createVq({ ...small, useCosineSim: true, metric: 'dot' })).toThrow(
      /createVq: metric must be left out with useCosineSim, got "dot"/,
    );
    expect(() => createVq({ ...small, metric: 'dot', stochasticSampleCodes: true })).toThrow(
      /metric must be 'euclidean' with stochasticSampleCodes, got "dot"/,
    );
    expect(() => createVq({ ...small, metric: 'l1' as 'dot' })).toThrow(
      /metric must be one of 'euclidean', 'cosine', 'dot'/,
    );
  });
});
