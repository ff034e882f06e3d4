import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memory, mul, tidy, type Variable } from '@tensorflow/tfjs-core';
import { CheckpointError } from '@vqkit/checkpoint';
import { readSafetensors } from '@vqkit/checkpoint/node';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { encodeWav } from '@vqkit/data/node';
import { fullRun, startEngine, titleIf } from '@vqkit/testing';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { DivergenceError, imageModality, type MetricsRecord } from '@vqkit/training';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { createConfig } from '../src/config.ts';
import { createModel } from '../src/model.ts';
import { createRunState, disposeRunState } from '../src/run-state.ts';
import { readTokenizer } from '../src/tokenizer.ts';
import { resumeTraining, train } from '../src/train.ts';
import type { TrainConfig, TrainOptions } from '../src/train-options.ts';
import { type RunState, readCheckpoint, writeCheckpoint } from '../src/training-state.ts';
import { tinyConfig } from './fixtures.ts';

let [pictures, sounds, runs] = ['', '', ''];
beforeAll(async () => {
  [pictures, sounds, runs] = [await tinyIdxFolder(), await temporaryFolder(), await temporaryFolder()];
  for (let clip = 0; clip < 8; clip++) {
    const rng = createRng(clip);
    const samples = Float32Array.from({ length: 600 }, (_, i) => 0.5 * Math.sin(i / (2 + clip)) + 0.1 * rng.uniform());
    await writeFile(join(sounds, `${clip}.wav`), encodeWav({ sampleRate: 1000, channels: [samples] }));
  }
});

const OFTEN = { steps: 6, logEvery: 1, validateEvery: 3, checkpointEvery: 2, engine: 'wasm', threads: 1 } as const;

const configs: Readonly<Record<string, (name: string) => TrainConfig>> = {
  pictures: (name) =>
    tinyConfig(pictures, join(runs, name), { ...OFTEN, discriminatorFrom: 0.5, discriminatorFilters: 2, ema: 0.9 }),
  sounds: (name) => {
    const network = { filters: 2, strides: [2, 5], dilations: [1], latentWidth: 4, seconds: 0.1, sampleRate: 1000 };
    const codes = { quantizer: 'simvq', quantizerOptions: { codebookSize: 16 } } as const;
    const judge = { discriminatorFrom: 4, discriminatorFilters: 1 };
    const own = { ...OFTEN, ...network, ...codes, ...judge, batchSize: 2, validationSize: 1 };
    return createConfig({ data: 'audio', dataPath: sounds, outDir: join(runs, name), ...own } as TrainOptions);
  },
};

/** Trains until so many steps are done, and goes on. */
async function interrupted(config: TrainConfig, after: readonly number[]): Promise<void> {
  for (const [i, last] of [...after, Number.POSITIVE_INFINITY].entries()) {
    const stop = new AbortController();
    const hooks = {
      signal: stop.signal,
      onEvent: ({ kind, step }: { kind: string; step: number }) => kind === 'step' && step === last && stop.abort(),
    };
    await (i === 0 ? train(config, hooks) : resumeTraining(config.outDir, {}, hooks));
  }
}

const checkpoint = (name: string, step: number): string => join(runs, name, 'checkpoints', `step-${step}.safetensors`);
const records = async (name: string): Promise<MetricsRecord[]> =>
  (await readFile(join(runs, name, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as MetricsRecord);

describe.each(['pictures', 'sounds'])('a run on %s with a discriminator', (kind) => {
  const config = configs[kind] as (name: string) => TrainConfig;
  const chosen = fullRun || kind === 'pictures';
  const it = (title: string, work: () => Promise<void>): void => test.skipIf(!chosen)(titleIf(chosen, title), work);

  it('is stopped before, at and after its first step and resumed, and ends bit for bit as one that was not', async () => {
    await train(config(kind));
    await interrupted(config(`${kind}-parts`), [2, 3, 5]);
    const [whole, parts] = await Promise.all([kind, `${kind}-parts`].map((name) => readFile(checkpoint(name, 6))));
    expect((parts as Buffer).equals(whole as Buffer)).toBe(true);
    const { tensors, metadata } = await readSafetensors(checkpoint(kind, 6));
    const own = Object.keys(tensors).filter((name) => name.startsWith('discriminator'));
    expect(own.length).toBeGreaterThan(10);
    expect(new Set(Object.values(JSON.parse(metadata.discriminatorSteps ?? '') as object))).toEqual(new Set([3]));

    for (const name of [kind, `${kind}-parts`]) {
      const judged = (await records(name)).flatMap((record) => (record.kind === 'train' ? [record] : []));
      expect(judged.map(({ adversarial }) => adversarial !== undefined)).toEqual([
        false,
        false,
        false,
        true,
        true,
        true,
      ]);
      for (const { loss, reconstruction, quantizer, adversarial } of judged.slice(3)) {
        const { discriminator, generator, features, weight, gradientNorm } = adversarial ?? expect.fail();
        expect(loss).toBeCloseTo(reconstruction + quantizer + weight * (generator + features), 4);
        expect(Math.min(discriminator, weight, gradientNorm)).toBeGreaterThan(0);
        expect(features > 0).toBe(kind === 'sounds');
      }
    }
    const { discriminatorFrom } = JSON.parse(await readFile(join(runs, kind, 'config.json'), 'utf8')) as TrainConfig;
    expect(discriminatorFrom).toBe(4);
    const report = await readFile(join(runs, kind, 'report.html'), 'utf8');
    for (const title of ['Discriminator loss', 'Weight of the discriminator']) expect(report).toContain(title);
  });

  it('gives a tokenizer without it', async () => {
    const file = join(runs, `${kind}.safetensors`);
    await writeFile(file, await readTokenizer(join(runs, kind)));
    expect(Object.keys((await readSafetensors(file)).tensors).filter((name) => /discriminator/.test(name))).toEqual([]);
  });

  it('keeps it as it was begun', async () => {
    const path = join(runs, kind);
    const change = { discriminatorWeight: 2, steps: 8 };
    await expect(resumeTraining(path, change)).rejects.toThrow(/discriminatorWeight must stay 0.8 in a resumed run/);
  });
});

describe('the options of a discriminator', () => {
  const refused = (options: TrainOptions): string => {
    try {
      createConfig(options);
    } catch (error) {
      expect(error).toBeInstanceOf(OptionError);
      return (error as Error).message;
    }
    return expect.fail('was accepted');
  };

  it('have defaults where there is one', () => {
    const { discriminatorWeight, discriminatorFilters } = createConfig({ discriminatorFrom: 0.5 });
    expect([discriminatorWeight, discriminatorFilters]).toEqual([0.8, 32]);
    expect(Object.keys(createConfig({})).filter((name) => /discriminator|feature/.test(name))).toEqual([]);
    expect(createConfig({ data: 'audio', dataPath: 'x', discriminatorFrom: 9 })).toMatchObject({
      discriminatorWeight: 0.8,
      discriminatorFilters: 8,
      featureWeight: 1,
    });
  });

  it('are refused by name where they make no sense', () => {
    for (const name of ['discriminatorFrom', 'discriminatorWeight', 'discriminatorFilters', 'featureWeight']) {
      expect(refused({ data: 'vectors', dataPath: 'a.npy', [name]: 2 })).toContain(
        `${name} must not be given with data 'vectors'`,
      );
    }
    expect(refused({ featureWeight: 1, discriminatorFrom: 1 })).toContain(
      "featureWeight must not be given with data 'mnist'",
    );
    expect(refused({ discriminatorFilters: 4 })).toContain(
      'discriminatorFilters must not be given without discriminatorFrom',
    );
    expect(refused({ discriminatorFrom: 1.5 })).toContain(
      'discriminatorFrom must be an integer, or a share of the steps',
    );
    expect(refused({ discriminatorFrom: 0 })).toContain('discriminatorFrom must be > 0, got 0.');
    expect(refused({ discriminatorFrom: 2000 })).toContain('discriminatorFrom must be <= 1000, the steps, got 2000.');
  });

  it('need pictures that a patch fits in', async () => {
    const photos = tinyConfig(pictures, join(runs, 'small'), { discriminatorFrom: 1 });
    const model = createModel(photos, { channels: 1 });
    const small = { train: { count: 1, shape: [4, 4, 1], batch: () => new Float32Array(16) } };
    expect(() => createRunState(photos, model, imageModality, small)).toThrow(/be of 6 × 6 pixels or more/);
    model.dispose();
  });
});

describe('a checkpoint with a discriminator', () => {
  const state = (options: TrainOptions): RunState => {
    const config = tinyConfig(pictures, 'nowhere', options as object);
    const train = { count: 1, shape: [8, 8, 1], batch: () => new Float32Array(64) };
    return createRunState(config, createModel(config, { channels: 1 }), imageModality, { train });
  };

  it('is refused whole where it has none, and leaves no tensors', async () => {
    await startEngine('cpu');
    const [plain, judged] = [state({}), state({ discriminatorFrom: 1, discriminatorFilters: 2 })];
    const [ofJudged, ofPlain] = [join(runs, 'judged.safetensors'), join(runs, 'plain.safetensors')];
    const { numTensors } = memory();
    await writeCheckpoint(ofJudged, judged, 1, {});
    await writeCheckpoint(ofPlain, plain, 1, {});
    expect(await readCheckpoint(ofJudged, judged)).toBe(1);
    expect(await readCheckpoint(ofPlain, plain)).toBe(1);
    await expect(readCheckpoint(ofPlain, judged)).rejects.toThrow(CheckpointError);
    expect(memory().numTensors).toBe(numTensors);
    for (const [what, variables] of Object.entries({
      weight: judged.adversary?.discriminator.variables(),
      moment: judged.adversary?.optimizer.state(),
    })) {
      const [variable] = Object.values(variables ?? {}) as Variable[];
      const before = variable?.clone();
      tidy(() => variable?.assign(mul(variable, Number.NaN)));
      const written = writeCheckpoint(join(runs, 'bad.safetensors'), judged, 1, {});
      await expect(written).rejects.toThrow(DivergenceError);
      await expect(written).rejects.toThrow(`discriminator ${what}`);
      if (before !== undefined) variable?.assign(before as never);
      before?.dispose();
    }
    expect(memory().numTensors).toBe(numTensors);
    for (const each of [plain, judged]) {
      disposeRunState(each);
      each.model.dispose();
    }
  });
});
