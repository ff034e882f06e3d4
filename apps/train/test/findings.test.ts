import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng } from '@vqkit/core-tensor';
import { quantizerEntry, quantizerNames } from '@vqkit/quantizers';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import type { MetricsRecord } from '@vqkit/training';
import { describe, expect, it } from 'vitest';
import { createConfig, loadConfig } from '../src/config.ts';
import { findingsOf } from '../src/findings.ts';
import type { FindingFacts } from '../src/modality.ts';
import type { ImagePairs } from '../src/report-data.ts';
import { train } from '../src/train.ts';
import type { ImageConfig } from '../src/train-options.ts';
import { fakeReportData } from './fake-run.ts';
import { tinyConfig } from './fixtures.ts';

const data = fakeReportData({ quantizer: 'lfq' });
const flat = data.history.filter(({ kind }) => kind === 'train');
const pictures = data.images as ImagePairs;
const sharp: ImagePairs = { ...pictures, reconstructions: pictures.originals };

function facts(changes: Partial<FindingFacts> = {}): FindingFacts {
  const config = createConfig({ quantizer: 'lfq', steps: 100, outDir: 'runs/a' });
  const { quality, codes } = data.summary.test;
  return { config, quality, codes, shown: { images: sharp }, history: flat, ...changes };
}

function validation(step: number, psnrDb: number): MetricsRecord {
  const { quality, codes } = data.summary.test;
  return { kind: 'validation', step, epoch: 1, quality: { ...quality, psnrDb }, codes, elapsedSeconds: 1 };
}

const named = (changes: Partial<FindingFacts>): ReturnType<typeof findingsOf> => findingsOf([], facts(changes));

describe('findingsOf', () => {
  it('finds nothing in a run that is done, sharp and uses its codes', () => {
    const history = [validation(0, 5), validation(50, 19), validation(80, 20), validation(100, 20.05)];
    expect(named({ history })).toEqual([]);
  });

  it('says that a run was still improving, and how to go on', () => {
    const history = [validation(0, 5), validation(50, 15), validation(80, 17), validation(100, 18)];
    expect(named({ history })).toMatchObject([
      {
        name: 'still improving',
        message: 'Validation PSNR rose by 1.00 dB from step 80 to the last, 100: training was not done.',
        command: 'vqkit train --resume runs/a --steps 200',
      },
    ]);
    expect(named({ history: [validation(0, 5), validation(100, 18)] })).toEqual([]);
  });

  it('says that codes are under-used, short of a collapse', () => {
    const codes = { ...data.summary.test.codes, used: 90, statistics: { utilizationOfExpected: 0.35 } };
    expect(named({ codes })).toMatchObject([
      {
        name: 'under-used',
        message: '90 of 256 codes are used, 35 % of those that as many uniform draws would use.',
        command: 'vqkit train --config runs/a/config.json --codebook-size 128 --out-dir runs/a-smaller',
      },
    ]);
    for (const utilizationOfExpected of [0.1, 0.7]) {
      expect(named({ codes: { ...codes, statistics: { utilizationOfExpected } } })).toEqual([]);
    }
  });

  it('says that a discriminator is hardly ever wrong at the end', () => {
    const config = createConfig({ steps: 100, outDir: 'runs/a', discriminatorFrom: 41 });
    const judged = (loss: (step: number) => number): MetricsRecord[] =>
      Array.from({ length: 60 }, (_, i): MetricsRecord => {
        const adversarial = { discriminator: loss(41 + i), generator: 1, features: 0, weight: 1, gradientNorm: 1 };
        return { ...(flat[0] as MetricsRecord & { kind: 'train' }), step: 41 + i, adversarial };
      });
    expect(named({ config, history: judged((step) => (step > 85 ? 0.04 : 0.9)) })).toMatchObject([
      {
        name: 'discriminator won',
        message: expect.stringContaining('mean hinge loss 0.040 at the end, limit 0.1') as string,
        command:
          'vqkit train --config runs/a/config.json --discriminator-filters 16 --discriminator-from 71 --out-dir runs/a-discriminator',
      },
    ]);
    expect(named({ config, history: judged((step) => (step > 85 ? 0.5 : 0.01)) })).toEqual([]);
    expect(named({ config })).toEqual([]);
  });

  it('gives commands that can be typed, for an odd number of codes and a folder with a slash', () => {
    const codes = { ...data.summary.test.codes, codebookSize: 5, statistics: { utilizationOfExpected: 0.35 } };
    const config = createConfig({ quantizer: 'vq', outDir: 'runs/a/' });
    expect(named({ codes, config })).toMatchObject([
      { command: 'vqkit train --config runs/a/config.json --codebook-size 2 --out-dir runs/a-smaller' },
    ]);
    const history = [validation(40, 15), validation(60, 18)];
    expect(named({ history, config: createConfig({ steps: 60, outDir: '-x' }) })).toMatchObject([
      { command: "vqkit train --resume '-x' --steps 120" },
    ]);
  });

  it.each(quantizerNames().filter((name) => 'codebookSize' in quantizerEntry(name).flags))(
    'gives a command that goes with the config.json of a run of %s',
    async (quantizer) => {
      const folder = await temporaryFolder();
      const outDir = join(folder, 'run');
      const options = { quantizer, quantizerOptions: { codebookSize: 16 }, steps: 1, validationSize: 0 };
      await train(tinyConfig(await tinyIdxFolder(), outDir, options));
      const file = join(outDir, 'config.json');
      const config = JSON.parse(await readFile(file, 'utf8')) as ImageConfig;
      const codes = { ...data.summary.test.codes, codebookSize: 16, statistics: { utilizationOfExpected: 0.35 } };
      const [finding] = named({ config, codes });
      const typed = /--codebook-size (\d+)(?: --dim (\d+))? --out-dir/.exec(finding?.command ?? '');
      const [codebookSize, dim] = (typed ?? []).slice(1).map((digits) => digits && Number(digits));
      expect(codebookSize).toBe(8);
      const flags = {
        quantizerOptions: { codebookSize, ...(dim === undefined ? {} : { dim }) },
        outDir: join(folder, 'smaller'),
      };
      const again = await loadConfig({ file, flags });
      expect((await train(again)).status).toBe('finished');
    },
  );

  it('says that reconstructions are blurred, by the energy of their edges', () => {
    const rng = createRng(1);
    const pixels = Array.from({ length: 4 * 16 * 16 }, () => Math.sign(rng.normal()));
    const blurredPixels = pixels.map((_, i) => {
      const row = Math.floor(i / 16) * 16;
      const at = (column: number): number => pixels[row + Math.min(15, Math.max(0, column))] as number;
      return (at((i % 16) - 1) + at(i % 16) + at((i % 16) + 1)) / 3;
    });
    const pairs = { count: 4, height: 16, width: 16, channels: 1, originals: pixels, reconstructions: blurredPixels };
    const [finding, ...others] = named({ shown: { images: pairs } });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      name: 'blurred',
      command: 'vqkit train --quantizer residual-lfq --steps 100 --out-dir runs/a-residual-lfq',
    });
    expect(finding?.message).toMatch(/have 1\d % of the edge energy/);
    expect(named({ shown: { images: { ...pairs, reconstructions: pixels.map((x) => 0.9 * x) } } })).toEqual([]);
  });

  it('gives the findings of the diagnosis a command, with names that a shell takes', () => {
    const diagnosis = { problem: 'over-rotation', severity: 'warning', evidence: 'e', remedy: 'r' } as const;
    const config = createConfig({ quantizer: 'simvq', outDir: "runs/it's" });
    expect(findingsOf([diagnosis], facts({ config }))).toEqual([
      {
        name: 'over-rotation',
        severity: 'warning',
        message: 'e',
        remedy: 'r',
        command: `vqkit train --config 'runs/it'\\''s/config.json' --no-rotation --out-dir 'runs/it'\\''s-straight-through'`,
      },
    ]);
  });
});
