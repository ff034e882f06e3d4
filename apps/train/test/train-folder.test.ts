import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quantizerNames } from '@vqkit/quantizers';
import { fullRun, titleIf } from '@vqkit/testing';
import { temporaryFolder } from '@vqkit/testing/pictures';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { train } from '../src/index.ts';
import { tinyConfig } from './fixtures.ts';

describe('trains on a folder of colour images, and names and counts what it cannot read', () => {
  let folder = '';
  let runs = '';
  beforeAll(async () => {
    [folder, runs] = [await temporaryFolder(), await temporaryFolder()];
    for (let i = 0; i < 20; i++) {
      const background = { r: 12 * i, g: 255 - 12 * i, b: (90 * i) % 256 };
      await sharp({ create: { width: 20, height: 14, channels: 3, background } })
        .png()
        .toFile(join(folder, `${i}.png`));
    }
    await writeFile(join(folder, 'broken.jpg'), 'not an image');
  });

  for (const [i, quantizer] of quantizerNames().entries()) {
    // Stacks come behind what they are made of.
    const chosen = fullRun || i < quantizerNames().length / 2;
    it.skipIf(!chosen)(titleIf(chosen, quantizer), async () => {
      const warnings: string[] = [];
      const options = { data: 'folder', dataPath: folder, imageSize: 16, validationSize: 3, steps: 3 } as const;
      const config = tinyConfig(folder, join(runs, quantizer), { ...options, quantizer, quantizerOptions: {} });
      const result = await train(config, { onWarning: (message) => warnings.push(message) });
      if (result.status !== 'finished') expect.fail('not finished');
      expect(result.summary).toMatchObject({ quantizer, trainExamples: 15, testExamples: 2, skippedExamples: 1 });
      expect(result.summary.test.codes.tokens).toBe(2 * 16);
      expect(warnings).toEqual([expect.stringMatching(/^Skipped .*broken\.jpg: \w/)]);
    });
  }
});
