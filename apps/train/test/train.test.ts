import { readdirSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { CheckpointError } from '@vqkit/checkpoint';
import { readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { DivergenceError, type MetricsRecord, type TrainingEvent } from '@vqkit/training';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, resumeTraining, type TrainHooks, type TrainResult, train } from '../src/index.ts';
import type { ReportData } from '../src/report-data.ts';
import type { ImageOptions } from '../src/train-options.ts';
import { tinyConfig } from './fixtures.ts';

let data = '';
let runs = '';
beforeAll(async () => {
  data = await tinyIdxFolder();
  runs = await temporaryFolder();
});

const at = (name: string, ...path: string[]): string => join(runs, name, ...path);
const start = (name: string, options: ImageOptions = {}, hooks: TrainHooks = {}): Promise<TrainResult> =>
  train(tinyConfig(data, at(name), options), hooks);
const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));
const lines = async (name: string): Promise<MetricsRecord[]> =>
  (await readFile(at(name, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as MetricsRecord);
const untimed = (records: readonly MetricsRecord[]): unknown[] => records.map((r) => ({ ...r, elapsedSeconds: 0 }));
const checkpoints = (name: string): Promise<string[]> => readdir(at(name, 'checkpoints'));
const bytes = (name: string, step: number): Promise<Buffer> =>
  readFile(at(name, 'checkpoints', `step-${step}.safetensors`));

/** Hooks that stop a run after some step. */
function stopAfter(step: number): TrainHooks {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.kind === 'step' && event.step === step) controller.abort();
    },
  };
}

describe('train', () => {
  it('writes a whole run folder and learns', async () => {
    const result = await start('whole', { steps: 60, learningRate: 1e-2, validateEvery: 30, checkpointEvery: 20 });
    if (result.status !== 'finished') expect.fail('not finished');
    expect((await readdir(at('whole'))).sort()).toEqual([
      'checkpoints',
      'config.json',
      'metrics.jsonl',
      'reconstructions.png',
      'report-data.json',
      'report.html',
      'snapshot.json',
      'summary.json',
    ]);
    expect((await checkpoints('whole')).sort()).toEqual([
      'step-20.safetensors',
      'step-40.safetensors',
      'step-60.safetensors',
    ]);
    expect(await json(at('whole', 'config.json'))).toMatchObject({ quantizer: 'fsq', steps: 60, outDir: at('whole') });
    expect(await json(at('whole', 'summary.json'))).toEqual(JSON.parse(JSON.stringify(result.summary)));

    const records = await lines('whole');
    const trained = records.filter((record) => record.kind === 'train');
    expect(trained.map(({ step }) => step).slice(0, 3)).toEqual([1, 2, 4]);
    expect(trained.at(-1)?.step).toBe(60);
    expect(trained[1]?.epoch).toBe(2 / 4);
    const validated = records.filter((record) => record.kind === 'validation');
    expect(validated.map(({ step }) => step)).toEqual([0, 30, 60]);
    const [first, last] = [validated[0], validated.at(-1)];
    expect(last?.quality.mse).toBeLessThan(0.5 * (first?.quality.mse ?? 0));

    const { summary, images, histograms, history } = (await json(at('whole', 'report-data.json'))) as ReportData;
    expect(history).toEqual(records);
    expect(summary).toMatchObject({
      trainExamples: 32,
      validationExamples: 8,
      testExamples: 12,
      engine: 'cpu',
      seed: 1234,
    });
    expect(summary.test.codes).toMatchObject({ tokens: 48, codebookSize: 20, numCodebooks: 1 });
    expect(images).toMatchObject({ count: 12, height: 8, width: 8, channels: 1 });
    expect(images?.originals).toHaveLength(12 * 64);
    expect(images?.reconstructions).toHaveLength(12 * 64);
    expect(Math.max(...(images?.reconstructions ?? []).map(Math.abs))).toBeLessThanOrEqual(1);
    expect(histograms[0]?.counts.reduce((sum, count) => sum + count, 0)).toBe(48);
    expect(histograms[0]?.codes.length).toBe(summary.test.codes.used);
  });

  it('gives the same weights for the same seed, others for another', async () => {
    await start('a');
    await start('b');
    await start('c', { seed: 5 });
    expect((await bytes('a', 12)).equals(await bytes('b', 12))).toBe(true);
    expect((await bytes('a', 12)).equals(await bytes('c', 12))).toBe(false);
    expect(untimed(await lines('a'))).toEqual(untimed(await lines('b')));
  });

  it('tells of a checkpoint once it is written, and of the test', async () => {
    const told: string[] = [];
    const onEvent = ({ kind, step }: TrainingEvent): void => {
      if (kind === 'checkpoint') told.push(...readdirSync(at('events', 'checkpoints')).slice(-1));
      if (kind === 'codes' || kind === 'examples' || kind === 'diagnosis') told.push(`${kind} ${step}`);
    };
    await start('events', { steps: 2, checkpointEvery: 2 }, { onEvent });
    const validated = (step: number): string[] => [`codes ${step}`, `examples ${step}`, `step-${step}.safetensors`];
    expect(told).toEqual([...validated(0), ...validated(2), 'examples 2', 'diagnosis 2']);
  });

  it('keeps the number of tensors constant over steps, and leaves none', async () => {
    const before = memory().numTensors;
    const counts: number[] = [];
    const onEvent: TrainHooks['onEvent'] = ({ kind }) => {
      if (kind === 'step') counts.push(memory().numTensors);
    };
    await start('leaks', { clipGradNorm: 0.5, warmupSteps: 3 }, { onEvent });
    expect(new Set(counts.slice(1)).size).toBe(1);
    expect(memory().numTensors).toBe(before);
  });

  it('refuses a folder that holds a run, bad data and bad options without leaving a folder behind', async () => {
    await expect(start('a')).rejects.toThrow(OptionError);
    await expect(start('a')).rejects.toThrow(/outDir must not hold a run yet, got .* Continue that run with --resume/);
    await expect(start('d', { dataPath: '/no/such/data' })).rejects.toThrow(OptionError);
    await expect(start('d', { quantizerOptions: { levels: 3 } })).rejects.toThrow('createFsq: levels must be');
    expect(await readdir(runs)).not.toContain('d');
  });

  it('stops at the first loss that is not finite, names the tensor and keeps the last good checkpoint', async () => {
    const failed = start('diverged', { learningRate: 1e30, steps: 40, checkpointEvery: 1 });
    const error = await failed.then(
      () => expect.fail('did not diverge'),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DivergenceError);
    const { message, tensor, step } = error as DivergenceError;
    expect(message).toMatch(/^train: .* must be finite, got (NaN|-?Infinity) in step \d+\. Lower learningRate/);
    const failure = (await json(at('diverged', 'failure.json'))) as Record<string, unknown>;
    expect(failure).toMatchObject({ reason: message, tensor, stepsDone: step });
    const { tensors } = await readSafetensors(failure.lastGoodCheckpoint as string);
    for (const { data: values } of Object.values(tensors)) {
      expect([...(values as Float32Array)].every((value) => Number.isFinite(value))).toBe(true);
    }
    expect(await readdir(at('diverged'))).not.toContain('summary.json');
  });
});

describe('resumeTraining', () => {
  it('goes on exactly with a stack whose layers drop out and learn by moving averages', async () => {
    const layers = { numQuantizers: 3, codebookSize: 4, quantizeDropout: true, thresholdEmaDeadCode: 1 };
    const options = { quantizer: 'residual-vq', quantizerOptions: layers } as const;
    await start('stack', options);
    await start('half-stack', options, stopAfter(6));
    await resumeTraining(at('half-stack'));
    expect((await bytes('half-stack', 12)).equals(await bytes('stack', 12))).toBe(true);
    const { summary } = (await json(at('stack', 'report-data.json'))) as ReportData;
    expect(summary.test.codes.layers).toHaveLength(3);
    expect(await readFile(at('stack', 'report.html'), 'utf8')).toContain('<h2>Layers</h2>');
  });

  it('goes on exactly while k-means still waits for tokens', async () => {
    const gathers = { codebookSize: 40, kmeansInit: true, thresholdEmaDeadCode: 1 };
    for (const [name, more] of [
      ['vq', gathers],
      ['residual-vq', { ...gathers, numQuantizers: 2 }],
    ] as const) {
      const options = { quantizer: name, quantizerOptions: more, batchSize: 1 } as const;
      await start(`gathers-${name}`, options);
      await start(`half-gathers-${name}`, options, stopAfter(6));
      const half = await readSafetensors(at(`half-gathers-${name}`, 'checkpoints', 'step-6.safetensors'));
      expect(Object.keys(half.tensors).filter((key) => key.startsWith('gathered.'))).not.toEqual([]);
      await resumeTraining(at(`half-gathers-${name}`));
      expect((await bytes(`half-gathers-${name}`, 12)).equals(await bytes(`gathers-${name}`, 12))).toBe(true);
      const { tensors } = await readSafetensors(at(`gathers-${name}`, 'checkpoints', 'step-12.safetensors'));
      const placed = Object.entries(tensors).filter(([key]) => key.endsWith('initted'));
      expect(placed.map(([, { data }]) => data[0])).toEqual(placed.map(() => 1));
      expect(Object.keys(tensors).filter((key) => key.startsWith('gathered.'))).toEqual([]);
    }
  });

  it('goes on exactly with layers that AdamW trains and that drop out: each has had another number of updates', async () => {
    const quantizerOptions = { numQuantizers: 3, codebookSize: 4, quantizeDropout: true };
    const options = { quantizer: 'residual-simvq', quantizerOptions } as const;
    await start('trained-stack', options);
    await start('half-trained-stack', options, stopAfter(6));
    const { metadata } = await readSafetensors(at('half-trained-stack', 'checkpoints', 'step-6.safetensors'));
    const steps = JSON.parse(metadata.optimizerSteps ?? '') as Record<string, number>;
    const ofLayer = (j: number): number[] =>
      Object.entries(steps).flatMap(([name, t]) => (name.includes(`layers.${j}.code_transform`) ? [t] : []));
    expect(new Set(ofLayer(0))).toEqual(new Set([6]));
    expect(ofLayer(2)[0]).toBeLessThan(6);
    await resumeTraining(at('half-trained-stack'));
    expect((await bytes('half-trained-stack', 12)).equals(await bytes('trained-stack', 12))).toBe(true);
  });

  it('refuses by name a checkpoint whose optimizer counted one t for all, and touches nothing; its tokenizer loads', async () => {
    await start('old', {}, stopAfter(3));
    const file = at('old', 'checkpoints', 'step-3.safetensors');
    const { tensors, metadata } = await readSafetensors(file);
    const { optimizerSteps: _, ...rest } = metadata;
    // Networks had no name then.
    const { architecture: __, ...model } = JSON.parse(rest.model ?? '') as Record<string, unknown>;
    await writeSafetensors(file, tensors, { ...rest, model: JSON.stringify(model), format: 'vqkit-train-1' });
    const names = await checkpoints('old');
    await expect(resumeTraining(at('old'))).rejects.toThrow(
      /step-3\.safetensors must have the format 'vqkit-train-2' to go on from, got 'vqkit-train-1', whose optimizer did not count/,
    );
    expect(await checkpoints('old')).toEqual(names);
    (await loadTokenizer(at('old'))).dispose();
  });

  it('goes on exactly after an interrupt: weights, metrics and all', async () => {
    const stopped = await start('interrupted', {}, stopAfter(5));
    expect(stopped).toMatchObject({ status: 'interrupted', step: 5 });
    expect(await checkpoints('interrupted')).toContain('step-5.safetensors');
    const starts: number[] = [];
    const result = await resumeTraining(at('interrupted'), {}, { onStart: ({ step }) => starts.push(step) });
    expect(result.status).toBe('finished');
    expect(starts).toEqual([5]);
    expect((await bytes('interrupted', 12)).equals(await bytes('a', 12))).toBe(true);
    expect(untimed(await lines('interrupted'))).toEqual(untimed(await lines('a')));
    const times = (await lines('interrupted')).map(({ elapsedSeconds }) => elapsedSeconds);
    expect(
      [...times].sort((x, y) => x - y),
      'the clock goes on',
    ).toEqual(times);
  });

  it('cuts metrics back to the checkpoint and takes the one before a damaged one, saying so', async () => {
    await start('damaged', {}, stopAfter(11));
    const newest = at('damaged', 'checkpoints', 'step-11.safetensors');
    const whole = await readFile(newest);
    await writeFile(newest, whole.subarray(0, whole.length - 100));
    await writeFile(
      at('damaged', 'metrics.jsonl'),
      `${await readFile(at('damaged', 'metrics.jsonl'), 'utf8')}{"kind":"tra`,
    );
    const warnings: string[] = [];
    const starts: number[] = [];
    await resumeTraining(
      at('damaged'),
      {},
      { onWarning: (message) => warnings.push(message), onStart: ({ step }) => starts.push(step) },
    );
    expect(starts).toEqual([8]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/step-11\.safetensors.*Using step-8\.safetensors\./);
    expect(await checkpoints('damaged')).toContain('step-11.safetensors.damaged');
    expect((await bytes('damaged', 12)).equals(await bytes('a', 12))).toBe(true);
    expect(untimed(await lines('damaged'))).toEqual(untimed(await lines('a')));
  });

  it('fails when every checkpoint is damaged', async () => {
    await start('ruined', {}, stopAfter(3));
    const names = await checkpoints('ruined');
    for (const name of names) await writeFile(at('ruined', 'checkpoints', name), 'damaged');
    await expect(resumeTraining(at('ruined'))).rejects.toThrow(CheckpointError);
    await expect(resumeTraining(at('ruined'))).rejects.toThrow(/must have a usable checkpoint, got 2, all damaged/);
    expect(await checkpoints('ruined'), 'nothing is touched').toEqual(names);
  });

  it('starts from the beginning where no checkpoint was written yet', async () => {
    const config = tinyConfig(data, at('early'));
    await start('early', {}, stopAfter(1));
    for (const name of await checkpoints('early')) {
      await rm(at('early', 'checkpoints', name));
    }
    await resumeTraining(config.outDir);
    expect((await bytes('early', 12)).equals(await bytes('a', 12))).toBe(true);
    expect(untimed(await lines('early'))).toEqual(untimed(await lines('a')));
  });

  it('writes summary and report again for a run that is done, and trains further when asked', async () => {
    const done = await resumeTraining(at('b'));
    expect(done).toMatchObject({ status: 'finished', summary: { stepsPerSecond: null, steps: 12 } });
    await resumeTraining(at('b'), { steps: 16 });
    await start('sixteen', { steps: 16 });
    expect((await bytes('b', 16)).equals(await bytes('sixteen', 16))).toBe(true);
    await expect(resumeTraining(at('b'), { steps: 4 })).rejects.toThrow('steps must be >= the 16 steps done, got 4.');
    const other = await tinyIdxFolder(3);
    await expect(resumeTraining(at('b'), { dataPath: other })).rejects.toThrow('the images must be those that');
    // What was refused changed nothing.
    expect(await resumeTraining(at('b'))).toMatchObject({ status: 'finished' });
  });

  it('refuses other changes, and folders without a run', async () => {
    await expect(resumeTraining(at('a'), { learningRate: 1 })).rejects.toThrow(
      'resumeTraining: learningRate must stay 0.0003 in a resumed run, got 1.',
    );
    await expect(resumeTraining(at('a'), { outDir: at('elsewhere') })).rejects.toThrow(
      /^resumeTraining: outDir must stay ".*a" in a resumed run, got ".*elsewhere"\./,
    );
    await expect(resumeTraining(at('nothing'))).rejects.toThrow(/must be the folder of a run, got ENOENT/);
    await writeFile(join(runs, 'config.json'), '{ "steps": "many" }');
    await expect(resumeTraining(runs)).rejects.toThrow(/config\.json: steps must be a number, got "many"/);
  });
});

describe('loadTokenizer', () => {
  it('builds the model of a checkpoint', async () => {
    const model = await loadTokenizer(at('a', 'checkpoints', 'step-12.safetensors'));
    const { tensors } = await readSafetensors(at('a', 'checkpoints', 'step-12.safetensors'));
    const state = model.stateDict();
    for (const [name, value] of Object.entries(state)) {
      expect(await value.data()).toEqual(tensors[`model.${name}`]?.data);
      value.dispose();
    }
    model.dispose();
  });

  it('refuses a file that is no checkpoint', async () => {
    await expect(loadTokenizer(at('a', 'config.json'))).rejects.toThrow(CheckpointError);
  });
});
