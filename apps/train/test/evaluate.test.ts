import {
  div,
  memory,
  mul,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor1d,
  tensor4d,
  tidy,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { createImages, type Images } from '@vqkit/data';
import type { Residual } from '@vqkit/residual';
import { eachEngine } from '@vqkit/testing';
import { blobs } from '@vqkit/testing/pictures';
import type { ImageTokenizer } from '@vqkit/tokenizer';
import { evaluate, imageModality } from '@vqkit/training';
import { describe, expect, it } from 'vitest';
import { collectReportData } from '../src/collect-report.ts';
import { createConfig } from '../src/config.ts';
import { createModel } from '../src/model.ts';
import type { ImageConfig, ImageOptions } from '../src/train-options.ts';

const images = (count: number): Images => createImages(blobs(count, 3), [count, 8, 8, 1]);
const tiny = (options: ImageOptions): ImageConfig => createConfig({ widths: [4, 8], ...options });

/** Sets every weight to 0, so that all latents are the same and the output is 0. */
function silence(model: ImageTokenizer): void {
  const state = model.stateDict();
  const zeros = tidy(() => Object.fromEntries(Object.entries(state).map(([name, value]) => [name, zerosLike(value)])));
  model.loadStateDict(zeros);
  for (const value of [...Object.values(state), ...Object.values(zeros)]) value.dispose();
}

describe('createQualityMeter', () => {
  it('has the range of [-1, 1] and the mean error of the whole set in its PSNR', () => {
    const meter = imageModality.createMeter([1, 2, 1]);
    meter.add(Float32Array.of(-1, 1), Float32Array.of(-1, 0));
    meter.add(Float32Array.of(0.5, 0.5, 0, 0), Float32Array.of(0, 0.5, 0, 0));
    const mse = (1 + 0.25) / 6;
    expect(meter.report()).toEqual({ l1: 1.5 / 6, mse, psnrDb: 10 * Math.log10(4 / mse), ssim: null });
  });

  it('weighs SSIM by images and knows perfect ones', () => {
    const noise = createRng(1).uniformArray(3 * 144, -1, 1);
    const meter = imageModality.createMeter([12, 12, 1]);
    meter.add(noise.subarray(0, 288), noise.subarray(0, 288));
    expect(meter.report()).toMatchObject({ mse: 0, psnrDb: null });
    expect(meter.report().ssim).toBeCloseTo(1, 12);
    meter.add(noise.subarray(288), new Float32Array(144));
    const { ssim } = meter.report();
    const alone = imageModality.createMeter([12, 12, 1]);
    alone.add(noise.subarray(288), new Float32Array(144));
    expect(ssim).toBeCloseTo((2 + (alone.report().ssim ?? 0)) / 3, 12);
  });
});

eachEngine(() => {
  describe('evaluate', () => {
    it('gives what the model gives, in any batches, and changes nothing', async () => {
      for (const quantizer of ['lfq', 'fsq', 'simvq', 'vq'] as const) {
        const before = memory().numTensors;
        const model = createModel(tiny({ quantizer }), { channels: 1 });
        const state = model.quantizer.rng.state();
        const whole = await evaluate(model, images(10), { batchSize: 10, step: 0, keepPairs: 3 });
        // A quantizer may keep what it has computed from its weights (SimVQ's codebook), but never more.
        const held = memory().numTensors;
        const parts = await evaluate(model, images(10), { batchSize: 4, step: 0, keepPairs: 3 });
        expect(memory().numTensors, quantizer).toBe(held);
        expect(model.quantizer.rng.state()).toEqual(state);
        expect(parts.histograms).toEqual(whole.histograms);
        expect(parts.quality.mse).toBeCloseTo(whole.quality.mse, 6);
        expect(whole.codes.tokens).toBe(40);
        expect(whole.histograms[0]?.counts.reduce((sum, count) => sum + count, 0)).toBe(40);
        expect(whole.codes.statistics.perSampleEntropy !== undefined, quantizer).toBe(quantizer === 'lfq');
        expect(whole.codes.statistics.snrDb !== undefined, quantizer).toBe(quantizer === 'simvq' || quantizer === 'vq');
        expect(whole.pairs).toMatchObject({ count: 3, shape: [8, 8, 1] });
        expect(whole.pairs.originals).toEqual(parts.pairs.originals);
        model.dispose();
        expect(memory().numTensors, quantizer).toBe(before);
      }
    });

    it('tells how every layer of a stack is used and what it leaves over', async () => {
      const stacks = {
        'residual-lfq': { codebookSize: 16, numQuantizers: 3 },
        'residual-fsq': { levels: [5, 4], numQuantizers: 3 },
        'residual-simvq': { codebookSize: 8, numQuantizers: 3 },
        'residual-vq': { codebookSize: [8, 4, 2], numQuantizers: 3, kmeansInit: false },
      } as const;
      for (const [quantizer, quantizerOptions] of Object.entries(stacks)) {
        const model = createModel(tiny({ quantizer: quantizer as keyof typeof stacks, quantizerOptions }), {
          channels: 1,
        });
        const stack = model.quantizer as unknown as Residual;
        const { codes, histograms } = await evaluate(model, images(10), { batchSize: 4, step: 0 });
        expect(codes.numCodebooks).toBe(3);
        expect(codes.layers?.length, quantizer).toBe(3);
        for (const [j, own] of (codes.layers ?? []).entries()) {
          expect(own.codebookSize).toBe(stack.layers[j]?.codebookSize);
          expect(own.used).toBe(histograms[j]?.codes.length);
          expect(own.utilization).toBe(own.used / own.codebookSize);
        }
        expect(codes.statistics.perSampleEntropy).toBe(undefined);

        // The errors by another way: sums of codes up to a layer, against the latents in the space of the codes.
        const left: Tensor[] = tidy(() => {
          const batch = tensor4d(images(10).batch([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), [10, 8, 8, 1]);
          const { latents, indices } = model.forward(batch, { training: false });
          const limits = tensor1d([5 / 4, 4 / 3]);
          const z = quantizer === 'residual-fsq' ? mul(tanh(div(latents, limits)), limits) : latents;
          const energy = (x: Tensor): Tensor => sum(mul(x, x));
          return [1, 2, 3].map((layers) => div(energy(sub(z, stack.decode(indices, { layers }))), energy(z)));
        });
        for (const [j, share] of left.entries()) {
          const [expected] = await share.data();
          expect(codes.layers?.[j]?.error, `${quantizer}, layer ${j}`).toBeCloseTo(expected as number, 4);
          share.dispose();
        }
        model.dispose();
      }
    });

    it('is right where the answer is known', async () => {
      const model = createModel(tiny({ quantizer: 'fsq' }), { channels: 1 });
      silence(model);
      const { quality, codes, histograms } = await evaluate(model, images(6), { batchSize: 4, step: 0 });
      const pixels = images(6).batch([0, 1, 2, 3, 4, 5]);
      const mean = (f: (value: number) => number): number => pixels.reduce((sum, x) => sum + f(x), 0) / pixels.length;
      expect(quality.l1).toBeCloseTo(mean(Math.abs), 9);
      expect(quality.mse).toBeCloseTo(
        mean((x) => x * x),
        9,
      );
      expect(codes).toMatchObject({ tokens: 24, used: 1, perplexity: 1, bitsPerToken: 0, codebookSize: 240 });
      expect(histograms).toMatchObject([{ codebookSize: 240, counts: [24] }]);
      model.dispose();
    });

    it('counts every codebook of several', async () => {
      const options = { levels: [3, 3], numCodebooks: 2 };
      const model = createModel(tiny({ quantizer: 'fsq', quantizerOptions: options }), { channels: 1 });
      const { codes, histograms } = await evaluate(model, images(5), { batchSize: 5, step: 0 });
      expect(codes).toMatchObject({ codebookSize: 9, numCodebooks: 2, tokens: 20 });
      expect(histograms.map(({ counts }) => counts.reduce((sum, count) => sum + count, 0))).toEqual([20, 20]);
      expect(codes.used).toBe(((histograms[0]?.codes.length ?? 0) + (histograms[1]?.codes.length ?? 0)) / 2);
      model.dispose();
    });
  });

  describe('collectReportData', () => {
    it('diagnoses a collapsed codebook', async () => {
      const config = tiny({ quantizer: 'fsq', batchSize: 100 });
      const model = createModel(config, { channels: 1 });
      silence(model);
      const data = { train: images(1), validation: images(0), test: images(300), skipped: [], options: {} };
      const run = { config, model, data, history: [], elapsedSeconds: 1, stepsPerSecond: null, folder: 'none' };
      const { diagnosis, summary } = await collectReportData(run);
      expect(diagnosis.map(({ name, severity }) => [name, severity])).toContainEqual(['collapse', 'critical']);
      for (const { message, remedy } of diagnosis) expect(`${message} ${remedy}`).toMatch(/\d.*\w/);
      expect(summary).toMatchObject({ testExamples: 300, quantizer: 'fsq' });
      model.dispose();
    });

    it('diagnoses latents that have outgrown the codes of LFQ, but not on a sphere', async () => {
      for (const spherical of [false, true]) {
        const quantizerOptions = { codebookSize: 16, codebookScale: 1e-3, spherical };
        const config = tiny({ quantizer: 'lfq', quantizerOptions, batchSize: 100 });
        const model = createModel(config, { channels: 1 });
        const data = { train: images(1), validation: images(0), test: images(100), skipped: [], options: {} };
        const run = { config, model, data, history: [], elapsedSeconds: 1, stepsPerSecond: null, folder: 'none' };
        const { diagnosis } = await collectReportData(run);
        const drift = diagnosis.filter(({ name }) => name === 'scale drift');
        expect(drift.map(({ severity }) => severity)).toEqual(spherical ? [] : ['critical']);
        model.dispose();
      }
    });
  });
});
