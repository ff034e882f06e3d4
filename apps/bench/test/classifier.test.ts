import { memory } from '@tensorflow/tfjs-core';
import type { Images } from '@vqkit/data';
import { loadDataset } from '@vqkit/data/node';
import { frechetDistance } from '@vqkit/metrics';
import { fullRun, titleIf } from '@vqkit/testing';
import { createConfig } from '@vqkit/train';
import { beforeAll, describe, expect, it } from 'vitest';
import { classifierDistance, rankCorrelation } from '../experiments/classifier-distance.ts';
import { mnistLabels } from '../src/data/labels.ts';
import { checkedOutcome } from '../src/result.ts';
import { FEATURES, trainClassifier } from '../src/training/classifier.ts';
import { startTrainingEngine } from '../src/training/train-tokens.ts';

let train: Images;
let test: Images;
let labels: { train: Uint8Array; test: Uint8Array };
beforeAll(async () => {
  await startTrainingEngine();
  ({ train, test } = await loadDataset(createConfig({ validationSize: 0 })));
  labels = await mnistLabels();
});

const pixelsOf = (images: Images, from: number, to: number): Float32Array =>
  images.batch(Int32Array.from({ length: to - from }, (_, i) => from + i));

describe.skipIf(!fullRun)(titleIf(fullRun, 'trainClassifier'), () => {
  it('tells digits apart, and its distance real digits from spoilt ones', async () => {
    const before = memory().numTensors;
    const classifier = await trainClassifier(train, labels.train, 80);
    const pixels = pixelsOf(test, 0, 600);
    const { features, classes } = await classifier.apply(pixels);
    expect(features).toHaveLength(600 * FEATURES);
    expect(classes.filter((digit, i) => digit === labels.test[i]).length / 600).toBeGreaterThan(0.85);
    const others = await classifier.apply(pixelsOf(train, 0, 600));
    const upsideDown = await classifier.apply(pixels.map((value) => -value));
    const distance = (other: Float32Array): number => frechetDistance(features, other, FEATURES);
    expect(distance(features)).toBeLessThan(1e-3);
    expect(distance(others.features)).toBeLessThan(0.1 * distance(upsideDown.features));
    classifier.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('gives the same classifier again', async () => {
    const features = async (): Promise<Float32Array> => {
      const classifier = await trainClassifier(train, labels.train, 3);
      const { features: found } = await classifier.apply(pixelsOf(test, 0, 5));
      classifier.dispose();
      return found;
    };
    expect(await features()).toEqual(await features());
  });
});

it('tells the methods apart by distance, pixel error and kept digits', async () => {
  const quality = { ssim: 0.5, kept: 0.9, usedCodes: 200, perplexity: 100, bitsPerToken: 8 };
  const parts: string[] = [];
  const outcome = checkedOutcome(
    'classifier-distance',
    await classifierDistance.run({
      quick: true,
      seeds: [1, 2],
      cores: 2,
      python: undefined,
      dataDir: undefined,
      part: async <T>(name: string): Promise<T> => {
        parts.push(name);
        if (name === 'the classifier') return { accuracy: 0.98, otherImages: 1, noisy: 30 } as T;
        // Every training is a little worse than the one before it, the plain codebook the last.
        return { ...quality, psnrDb: 20 - parts.length, distance: 10 + parts.length } as T;
      },
      log: () => undefined,
      progress: () => undefined,
    }),
  );
  expect(parts).toHaveLength(1 + 5 * 2);
  expect(outcome.verdicts.map(({ verdict }) => verdict)).toEqual(['reproduced', 'reproduced']);
  expect(outcome.tables[0]?.rows[0]).toEqual([
    'FSQ [8, 6, 5]',
    '8',
    '17.5 (17 to 18)',
    '0.5',
    '12.5 (12 to 13)',
    '90 %',
    '200',
    '100',
  ]);
  expect(outcome.answer).toMatch(/^\*\*Yes, here\*\*: .* a correlation of 1;/);
  expect(JSON.stringify(outcome)).not.toMatch(/undefined|NaN|\[object/);
});

describe('rankCorrelation', () => {
  it('is 1 for any increasing relation, -1 for a decreasing one, and takes ties in the middle', () => {
    const a = [3, 1, 4, 1.5, 9];
    expect(rankCorrelation(a, a.map(Math.exp))).toBeCloseTo(1, 12);
    expect(
      rankCorrelation(
        a,
        a.map((value) => -value),
      ),
    ).toBeCloseTo(-1, 12);
    // Ranks 0, 1, 2, 3 and 0, 1.5, 1.5, 3: 4.5 / √(5 · 4.5).
    expect(rankCorrelation([1, 2, 3, 4], [1, 5, 5, 6])).toBeCloseTo(4.5 / Math.sqrt(5 * 4.5), 12);
  });
});
