import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '@vqkit/checkpoint';
import { readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import type { TrainingEvent } from '@vqkit/training';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer } from '../src/tokenizer.ts';
import { resumeTraining, train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

type Json = Record<string, unknown>;

let runs = '';
let data = '';
beforeAll(async () => {
  [runs, data] = [await temporaryFolder(), await tinyIdxFolder()];
});

const at = (...names: string[]): string => join(runs, ...names);
const json = async (path: string): Promise<Json> => JSON.parse(await readFile(path, 'utf8')) as Json;

/** A copy of a run whose config.json was changed as by an editor. */
async function edited(name: string, change: (config: Json) => unknown): Promise<string> {
  const copy = await temporaryFolder();
  await cp(at(name), copy, { recursive: true });
  const config = await json(join(copy, 'config.json'));
  change(config);
  await writeFile(join(copy, 'config.json'), JSON.stringify(config));
  return copy;
}

describe('a run', () => {
  it.each(['fsq', 'simvq', 'residual-lfq', 'residual-vq'] as const)(
    '%s: says every option in config.json, its checkpoints and its export',
    async (quantizer) => {
      const options = { quantizer, quantizerOptions: {}, steps: 2 };
      await train(tinyConfig(data, at(quantizer), options));
      const config = await json(at(quantizer, 'config.json'));
      const tokenizer = await loadTokenizer(at(quantizer));
      expect(config).toMatchObject({
        channels: 1,
        imageSize: 8,
        normGroups: (tokenizer.config as { normGroups?: number }).normGroups,
        engine: 'cpu',
      });
      expect(config.quantizerOptions).toEqual(tokenizer.quantizer.config);
      const { metadata } = await readSafetensors(at(quantizer, 'checkpoints', 'step-2.safetensors'));
      expect(JSON.parse(metadata.model ?? '')).toEqual(tokenizer.config);
      expect(JSON.parse(metadata.config ?? '')).toMatchObject({
        quantizerOptions: config.quantizerOptions,
        seed: 1234,
      });
      tokenizer.dispose();
      expect(await resumeTraining(at(quantizer))).toMatchObject({ status: 'finished' });
      expect(await json(at(quantizer, 'config.json'))).toEqual(config);
    },
  );
});

describe('a signal', () => {
  const picture = (name: string): Promise<unknown> =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: '#345678' } })
      .png()
      .toFile(name);

  it('stops a run that reads its pictures, and leaves no folder', async () => {
    const photos = await temporaryFolder();
    for (let i = 0; i < 4; i++) await picture(join(photos, `${i}.png`));
    const config = tinyConfig(photos, at('never'), { data: 'folder', imageSize: 8, validationSize: 1 });
    expect(await train(config, { signal: AbortSignal.abort() })).toEqual({ status: 'interrupted' });
    expect(await readdir(runs)).not.toContain('never');
  });

  it('stops the test of a run that is trained, which a resumed run does', async () => {
    const controller = new AbortController();
    const hooks = {
      signal: controller.signal,
      onEvent: ({ kind, step }: TrainingEvent) => kind === 'step' && step === 2 && controller.abort(),
    };
    const stopped = await train(tinyConfig(data, at('untested'), { steps: 2 }), hooks);
    expect(stopped).toEqual({ status: 'interrupted', folder: at('untested'), step: 2 });
    expect(await readdir(at('untested'))).not.toContain('summary.json');
    expect(await resumeTraining(at('untested'))).toMatchObject({ status: 'finished' });
    expect(await readdir(at('untested'))).toContain('summary.json');
  });
});

describe('resumeTraining', () => {
  const widths = Array.from({ length: 3 }, () => 4);
  beforeAll(async () => {
    const quantizerOptions = { levels: Array(19).fill(3), dim: 4 };
    await train(tinyConfig(data, at('run'), { steps: 2, widths, quantizerOptions }));
  });

  it.each<[string, (config: Json) => unknown, string]>([
    [
      'a number',
      (config) => Object.assign(config, { learningRate: 1e-3 }),
      'learningRate in config.json must be what the run was begun with, 0.0003, got 0.001.',
    ],
    ['the seed', (config) => Object.assign(config, { seed: 9 }), 'seed in config.json must be'],
    [
      'an inner option',
      (config) => Object.assign(config.quantizerOptions as Json, { orthogonalRotation: true }),
      'quantizerOptions.orthogonalRotation in config.json must be what the run was begun with, false, got true.',
    ],
    [
      'one beyond what an error shows',
      (config) => Object.assign(config.quantizerOptions as Json, { seed: 2 }),
      'quantizerOptions.seed in config.json must be',
    ],
    [
      'an element far back',
      (config) => ((config.quantizerOptions as { levels: number[] }).levels[18] = 4),
      'quantizerOptions.levels[18] in config.json must be what the run was begun with, 3, got 4.',
    ],
    ['a default left out', (config) => delete config.weightDecay, ''],
    ['steps', (config) => Object.assign(config, { steps: 3 }), ''],
  ])('notices where config.json was edited: %s', async (_, change, message) => {
    const resumed = resumeTraining(await edited('run', change));
    if (message === '') return expect(await resumed).toMatchObject({ status: 'finished' });
    await expect(resumed).rejects.toThrow(OptionError);
    await expect(resumed).rejects.toThrow(message);
  });

  it('compares whole values with those of the run, however long', async () => {
    const levels = [...Array(18).fill(3), 4];
    await expect(resumeTraining(at('run'), { quantizerOptions: { levels, dim: 4 } })).rejects.toThrow(
      'resumeTraining: quantizerOptions.levels[18] must stay 3 in a resumed run, got 4.',
    );
  });

  it('asks for checkpoints that say of which run they are', async () => {
    const copy = await edited('run', () => undefined);
    for (const step of [0, 2]) {
      const file = join(copy, 'checkpoints', `step-${step}.safetensors`);
      const { tensors, metadata } = await readSafetensors(file);
      await writeSafetensors(file, tensors, { ...metadata, config: '{' });
    }
    await expect(resumeTraining(copy)).rejects.toThrow(CheckpointError);
  });

  it('names a folder of images that has changed, and goes on where it has only moved', async () => {
    const photos = await temporaryFolder();
    const picture = (i: number, name = `${i}.png`): Promise<unknown> =>
      sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 9 * i, g: 90, b: 7 * i } } })
        .png()
        .toFile(join(photos, name));
    for (let i = 0; i < 12; i++) await picture(i);
    const options = { data: 'folder', imageSize: 8, validationSize: 2, steps: 2 } as const;
    await train(tinyConfig(photos, at('photos'), options));
    const moved = await temporaryFolder();
    await cp(photos, moved, { recursive: true });
    expect(await resumeTraining(at('photos'), { dataPath: moved, steps: 3 })).toMatchObject({ status: 'finished' });

    await picture(40, '3.png');
    const again = { dataPath: photos, steps: 4 };
    await expect(resumeTraining(at('photos'), again)).rejects.toThrow(OptionError);
    await expect(resumeTraining(at('photos'), again)).rejects.toThrow(
      /the images must be those that the run was begun with, 9 training, 2 validation and 1 test images of SHA-256 .+, got 9 training/,
    );
    await expect(resumeTraining(at('photos'), again)).rejects.toThrow(`in ${photos}. Restore them`);
    await rm(join(photos, '3.png'));
    await expect(resumeTraining(at('photos'), again)).rejects.toThrow('got 8 training, 2 validation and 1 test images');
  });
});
