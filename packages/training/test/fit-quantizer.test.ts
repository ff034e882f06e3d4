import { memory } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { createVectorSet, type Vectors } from '@vqkit/data';
import { createResidualVq } from '@vqkit/residual';
import { eachEngine, trainingIt } from '@vqkit/testing';
import { createVectorTokenizer, type VectorTokenizer } from '@vqkit/tokenizer';
import { type EvaluatedTokens, type Evaluation, evaluate, fitQuantizer, vectorModality } from '@vqkit/training';
import { describe, expect, test } from 'vitest';

/** 16 clusters in 8 dimensions, in order: what stands at the beginning is not what stands at the end. */
const clusters = ((): Float32Array => {
  const rng = createRng(5);
  const centres = rng.normalArray(16 * 8, 4);
  const noise = rng.normalArray(1600 * 8, 0.1);
  return noise.map((value, i) => value + (centres[Math.floor(i / 800) * 8 + (i % 8)] as number) + 100);
})();
const vectors: Vectors = {
  count: 1600,
  dim: 8,
  read: async (from, to) => ({ vectors: clusters.subarray(8 * from, 8 * to) }),
};

/** All rows, and their ids. */
async function measured(model: VectorTokenizer): Promise<Evaluation & { ids: number[] }> {
  const ids: number[] = [];
  const set = createVectorSet(vectors);
  const onTokens = ({ indices }: EvaluatedTokens): number => ids.push(...indices);
  return { ...(await evaluate(model, set, { batchSize: 700, step: 0, modality: vectorModality, onTokens })), ids };
}

eachEngine((engine) => {
  const trainingTest = trainingIt(engine);
  describe('fitQuantizer', () => {
    const make = () =>
      createVectorTokenizer({
        quantizer: 'residual-vq',
        features: 8,
        quantizerOptions: { codebookSize: 16, numQuantizers: 3 },
      });

    trainingTest('codes find the clusters, each layer leaves less, and nothing leaks', async () => {
      const tokenizer = make();
      const before = memory().numTensors;
      const seen: number[] = [];
      await fitQuantizer(tokenizer.quantizer, vectors, {
        passes: 2,
        blockSize: 500,
        onRows: (done) => seen.push(done),
      });
      expect(seen.at(-1)).toBe(1024 + 2 * 1600);
      const { ids, quality, codes } = await measured(tokenizer);
      expect(memory().numTensors - before).toBeLessThan(20);
      const { layers = [] } = codes;
      expect(new Set(ids.filter((_, i) => i % 3 === 0)).size).toBeGreaterThan(12);
      // The noise is 0.1² of 4² + 0.1².
      expect(layers[0]?.errorOfVariance).toBeLessThan(0.02);
      expect(layers[2]?.errorOfVariance).toBeLessThan(layers[1]?.errorOfVariance as number);
      expect(quality.error).toBeCloseTo(layers[2]?.errorOfVariance as number, 5);
      expect(layers[0]?.perplexity).toBeGreaterThan(10);
      tokenizer.dispose();
    });

    trainingTest('the same seed gives the same codes', async () => {
      const states = [];
      for (let i = 0; i < 2; i++) {
        const tokenizer = make();
        await fitQuantizer(tokenizer.quantizer, vectors, { passes: 1, blockSize: 300, seed: 3 });
        states.push((await measured(tokenizer)).ids);
        tokenizer.dispose();
      }
      expect(states[0]).toEqual(states[1]);
    });

    test('what it cannot fit is named', async () => {
      const rvq = createResidualVq({ dim: 8, codebookSize: 2048, numQuantizers: 2, kmeansInit: true });
      await expect(fitQuantizer(rvq, vectors)).rejects.toThrow(/at least as many as the 2048 codes, got 1600/);
      await expect(fitQuantizer(rvq, { ...vectors, dim: 4 })).rejects.toThrow(
        /must have the quantizer's 8 numbers, got 4/,
      );
      rvq.dispose();
      const projected = createResidualVq({ dim: 8, codebookDim: 4, codebookSize: 16, numQuantizers: 2 });
      await expect(fitQuantizer(projected, vectors)).rejects.toThrow(/must learn without gradients, got ResidualVQ/);
      projected.dispose();
    });
  });
});
