import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { temporaryFolder } from '@vqkit/testing/pictures';
import type { TrainingEvent } from '@vqkit/training';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { presets } from '../src/presets.ts';
import { loadTokenizer } from '../src/tokenizer.ts';
import { encodeImages } from '../src/tokens/encode-images.ts';
import { resumeTraining, type StartInfo, train } from '../src/train.ts';
import type { ImageOptions } from '../src/train-options.ts';
import { tinyConfig } from './fixtures.ts';

let folder = '';
let runs = '';
beforeAll(async () => {
  [folder, runs] = [await temporaryFolder(), await temporaryFolder()];
  for (let i = 0; i < 8; i++) {
    await sharp({ create: { width: 40, height: 20 + i, channels: 3, background: { r: 30 * i, g: 99, b: 50 } } })
      .png()
      .toFile(join(folder, `${i}.png`));
  }
});

const at = (...names: string[]): string => join(runs, ...names);

describe('a run of residual blocks on rectangles', () => {
  const options = {
    data: 'folder',
    arch: 'resnet',
    imageSize: [8, 16],
    fit: 'pad',
    cropFrom: [10, 20],
    flip: true,
    loss: 'l1+mse',
    gradientWeight: 0.5,
    attention: true,
    blocks: 2,
    quantizerOptions: { levels: [5, 4] },
    validationSize: 2,
    batchSize: 2,
    steps: 4,
    checkpointEvery: 1,
    validateEvery: 4,
  } as const satisfies ImageOptions;

  it('says every option, and ends with the same bytes when it is stopped and resumed', async () => {
    expect(await train(tinyConfig(folder, at('whole'), options))).toMatchObject({ status: 'finished' });
    const controller = new AbortController();
    const stopAt2 = ({ kind, step }: TrainingEvent): void => {
      if (kind === 'step' && step === 2) controller.abort();
    };
    const hooks = { signal: controller.signal, onEvent: stopAt2 };
    expect(await train(tinyConfig(folder, at('parts'), options), hooks)).toMatchObject({ step: 2 });
    expect(await resumeTraining(at('parts'))).toMatchObject({ status: 'finished' });
    const file = join('checkpoints', 'step-4.safetensors');
    expect(Buffer.compare(await readFile(at('whole', file)), await readFile(at('parts', file)))).toBe(0);

    const config = JSON.parse(await readFile(at('whole', 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      arch: 'resnet',
      imageSize: [8, 16],
      fit: 'pad',
      blocks: 2,
      groups: 1,
      attention: true,
    });
    const tokenizer = await loadTokenizer(at('whole'));
    expect(tokenizer.config).toMatchObject({ architecture: 'resnet', imageSize: [8, 16], attention: true, blocks: 2 });
    tokenizer.dispose();
  });

  it('encodes pictures at its own size', async () => {
    const encoded = await encodeImages(at('whole'), { paths: [folder], fit: 'pad', out: at('ids.npy'), engine: 'cpu' });
    expect(encoded).toMatchObject({ images: 8, tokenShape: [2, 4], skipped: 0 });
  });
});

describe('a run whose pictures are decoded as it goes on', () => {
  const streamed = {
    data: 'folder',
    imageSize: 8,
    cropFrom: 10,
    flip: true,
    cacheMb: 0,
    validationSize: 2,
    testSize: 2,
    batchSize: 2,
    accumulate: 2,
    steps: 5,
    checkpointEvery: 1,
  } as const satisfies ImageOptions;
  const weightsOf = async (name: string): Promise<unknown> =>
    (await readSafetensors(at(name, 'checkpoints', 'step-5.safetensors'))).tensors;

  it('ends with the same weights by any number of threads, stopped and resumed, and as with all of them held', async () => {
    await train(tinyConfig(folder, at('held'), { ...streamed, cacheMb: 64 }));
    await train(tinyConfig(folder, at('streamed'), { ...streamed, workers: 3 }));
    const controller = new AbortController();
    const onEvent = ({ kind, step }: TrainingEvent): void => {
      if (kind === 'step' && step === 2) controller.abort();
    };
    const stopped = tinyConfig(folder, at('stopped'), { ...streamed, workers: 2 });
    expect(await train(stopped, { signal: controller.signal, onEvent })).toMatchObject({ step: 2 });
    expect(await resumeTraining(at('stopped'), { workers: 1 })).toMatchObject({ status: 'finished' });
    expect(await weightsOf('streamed')).toEqual(await weightsOf('held'));
    expect(await weightsOf('stopped')).toEqual(await weightsOf('held'));
  });
});

describe('the preset photos', () => {
  it('has as many steps as the number of pictures asks for, and says how long they take', async () => {
    const options = { preset: 'photos', dataPath: folder, imageSize: 8, validationSize: 2, engine: 'cpu' } as const;
    const config = createConfig({ ...options, widths: [4], outDir: at('photos'), threads: 1 });
    expect(config).toMatchObject({
      arch: 'resnet',
      quantizer: 'fsq',
      steps: 0,
      cropFrom: 10,
      flip: true,
      warmupSteps: 100,
    });
    expect(config.quantizerOptions).toEqual({ levels: [8, 5, 5, 5] });
    expect(createConfig({ ...options, quantizer: 'lfq' }).quantizerOptions).toEqual({});
    const controller = new AbortController();
    const started: StartInfo[] = [];
    const onStart = (info: StartInfo): void => {
      started.push(info);
      controller.abort();
    };
    expect(await train(config, { onStart, signal: controller.signal })).toMatchObject({
      status: 'interrupted',
      step: 1,
    });
    expect(started).toMatchObject([{ steps: 300, trainExamples: 5 }]);
    expect(started[0]?.estimatedSeconds).toBeGreaterThan(0);
    const more = await resumeTraining(at('photos'), {}, { signal: AbortSignal.abort() });
    expect(more).toMatchObject({ status: 'interrupted' });
    expect(presets.photos.stepsFor?.(240)).toBe(2200);
    expect(presets.photos.stepsFor?.(1e6)).toBe(20_000);
  });
});

describe('createConfig', () => {
  const refused = (options: object): string => {
    try {
      createConfig(options as ImageOptions);
    } catch (error) {
      if (error instanceof OptionError) return error.message;
    }
    return 'taken';
  };

  it('refuses networks for other data, and options of other networks', () => {
    expect(refused({ arch: 'mlp' })).toBe(
      "createConfig: arch must be 'conv' or 'resnet' with data 'mnist', got \"mlp\". Leave it out, or pass other data.",
    );
    expect(refused({ data: 'vectors', dataPath: 'x.npy', arch: 'resnet' })).toContain("arch must be 'none' or 'mlp'");
    expect(refused({ arch: 'transformer' })).toMatch(/arch must be one of "conv", "resnet"/);
    expect(refused({ blocks: 2 })).toBe(
      "createConfig: blocks must not be given with arch 'conv', got 2. Leave it out, or pass arch 'resnet'.",
    );
    expect(refused({ arch: 'resnet', normGroups: 4 })).toContain("normGroups must not be given with arch 'resnet'");
    expect(refused({ fit: 'pad' })).toContain("fit must not be given with data 'mnist'");
  });

  it('names the nearest sizes that divide', () => {
    const of = { data: 'folder', dataPath: 'x', arch: 'resnet', widths: [8, 8, 8] };
    expect(refused({ ...of, imageSize: [60, 100] })).toBe(
      'createConfig: imageSize must be a multiple of 8 (3 widths, each halves the image), got [60,100]. Use 56,96 or fewer widths.',
    );
    expect(refused({ ...of, imageSize: 6 })).toContain('Use 8 or fewer widths.');
    expect(refused({ ...of, imageSize: [256, 128] })).toBe('taken');
    expect(refused({ ...of, cropFrom: 60 })).toBe(
      'createConfig: cropFrom must be at least the imageSize, 64 × 64, along both sides, got 60. Use for example 80.',
    );
  });
});
