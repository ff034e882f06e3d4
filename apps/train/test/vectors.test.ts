import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { openRows, writeRows } from '@vqkit/rows';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { beforeAll, describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { decodeVectors } from '../src/tokens/decode-vectors.ts';
import { encodeVectors } from '../src/tokens/encode-vectors.ts';
import { resumeTraining, type TrainResult, train } from '../src/train.ts';
import type { VectorConfig } from '../src/train-options.ts';

const [ROWS, DIM] = [300, 6];
let folder: string;
const rng = createRng(3);
const centres = rng.normalArray(16 * DIM, 3);
const values = rng
  .normalArray(ROWS * DIM, 0.2)
  .map((noise, i) => noise + (centres[(Math.floor(i / DIM) % 16) * DIM + (i % DIM)] as number));

beforeAll(async () => {
  folder = await temporaryFolder();
  const layout = { column: 'x', dtype: 'F32', count: ROWS, width: DIM, keys: 'texts' } as const;
  const keys = Array.from({ length: ROWS }, (_, n) => `item ${n}`);
  await writeRows(join(folder, 'items.parquet'), layout, [{ values, keys }]);
});

const NONE = { batchSize: 64, passes: 2, sample: 100 } as const;
const MLP = {
  arch: 'mlp',
  hidden: [8],
  latentWidth: 3,
  batchSize: 32,
  steps: 9,
  schedule: 'cosine',
  ema: 0.9,
  accumulate: 2,
  warmupSteps: 2,
} as const;

function config(name: string, options: Partial<VectorConfig>): VectorConfig {
  const quantizerOptions = { codebookSize: 8, numQuantizers: 2 };
  const shared = { data: 'vectors', dataPath: join(folder, 'items.parquet'), outDir: join(folder, name) } as const;
  const often = { logEvery: 2, validateEvery: 3, checkpointEvery: 4, engine: 'cpu' } as const;
  return createConfig({ ...shared, ...often, quantizerOptions, ...options } as never) as unknown as VectorConfig;
}

const at = (name: string, file: string): string => join(folder, name, file);
const json = async (name: string, file: string) => JSON.parse(await readFile(at(name, file), 'utf8'));

/** Stops after so many steps. */
async function stopped(name: string, options: Partial<VectorConfig>, steps: number): Promise<TrainResult> {
  const controller = new AbortController();
  return train(config(name, options), {
    signal: controller.signal,
    onEvent: (event) => event.kind === 'step' && event.step === steps && controller.abort(),
  });
}

describe('a run on vectors', () => {
  it.each([
    ['none', NONE, 11],
    ['mlp', MLP, 9],
  ] as const)('of arch %s that is stopped and resumed ends with the same bytes', async (arch, options, steps) => {
    const whole = await train(config(`${arch}-whole`, options));
    expect(whole).toMatchObject({ status: 'finished', summary: { steps, trainExamples: 270, validationExamples: 30 } });
    const name = `${arch}-parts`;
    expect(await stopped(name, options, 1)).toMatchObject({ status: 'interrupted', step: 1 });
    const controller = new AbortController();
    const second = await resumeTraining(
      join(folder, name),
      {},
      {
        signal: controller.signal,
        onEvent: (event) => event.kind === 'step' && event.step === 6 && controller.abort(),
      },
    );
    expect(second).toMatchObject({ status: 'interrupted', step: 6 });
    expect(await resumeTraining(join(folder, name))).toMatchObject({ status: 'finished' });
    for (const file of [`checkpoints/step-${steps}.safetensors`, 'ids.parquet']) {
      expect(Buffer.compare(await readFile(at(name, file)), await readFile(at(`${arch}-whole`, file))), file).toBe(0);
    }
    const [first, again] = [await json(`${arch}-whole`, 'summary.json'), await json(name, 'summary.json')];
    expect(again.test).toEqual(first.test);
    const lines = (await readFile(at(name, 'metrics.jsonl'), 'utf8')).trim().split('\n');
    const kinds = lines.map((line) => JSON.parse(line)).map(({ kind, step }) => `${kind} ${step}`);
    expect(kinds).toContain('validation 3');
    expect(kinds.at(-1)).toBe(`validation ${steps}`);
  });

  it('reports collisions, use of the levels, and the error by depth', async () => {
    const report = await readFile(at('none-whole', 'report.html'), 'utf8');
    for (const text of [
      'Collisions',
      'Rows that share ids',
      'Error against depth',
      'Validation error',
      'of variance',
    ]) {
      expect(report).toContain(text);
    }
    const { test, ids } = await json('none-whole', 'summary.json');
    expect(test.codes.layers).toHaveLength(2);
    expect(test.codes.layers[1].errorOfVariance).toBeCloseTo(test.quality.error, 4);
    expect(ids).toMatchObject({ columns: 2, collisions: { rows: ROWS } });
  });

  it('encodes and decodes with the averages of its weights, from run, checkpoint and rows', async () => {
    const out = join(folder, 'ids.parquet');
    const path = join(folder, 'items.parquet');
    const encoded = await encodeVectors(join(folder, 'mlp-whole'), path, { out, engine: 'cpu' });
    const { test } = await json('mlp-whole', 'summary.json');
    expect(encoded).toMatchObject({ status: 'finished', report: { quality: test.quality } });
    const back = join(folder, 'back.parquet');
    const checkpoint = at('mlp-whole', 'checkpoints/step-9.safetensors');
    await decodeVectors(checkpoint, out, { out: back, engine: 'cpu' });
    const decoded = (await (await openRows('test', back)).read(0, ROWS)).values as Float32Array;
    const lost = decoded.reduce((sum, value, i) => sum + (value - (values[i] as number)) ** 2, 0);
    expect(lost / decoded.length).toBeCloseTo(test.quality.mse, 4);
  });

  it('keeps the steps of a cosine, and says which options do not go with what', async () => {
    await expect(resumeTraining(join(folder, 'mlp-whole'), { steps: 20 })).rejects.toThrow(
      /steps must stay 9 in a resumed run, got 20/,
    );
    const refused = (options: object): RegExp | string => {
      try {
        config('refused', options as never);
      } catch (error) {
        expect(error).toBeInstanceOf(OptionError);
        return (error as Error).message;
      }
      return 'nothing';
    };
    expect(refused({ learningRate: 0.1 })).toMatch(/learningRate must not be given with arch 'none', got 0.1/);
    expect(refused({ ema: 0.9 })).toMatch(/ema must not be given with arch 'none'/);
    expect(refused({ arch: 'mlp', passes: 2 })).toMatch(/passes must not be given with arch 'mlp', got 2/);
    expect(refused({ widths: [4] })).toMatch(/widths must not be given with data 'vectors'/);
    expect(refused({ preset: 'start' })).toMatch(/preset must not be given with data 'vectors'/);
    expect(refused({ arch: 'mlp', schedule: 'cosine', steps: 3, warmupSteps: 5 })).toMatch(/steps must be > 5/);
  });
});
