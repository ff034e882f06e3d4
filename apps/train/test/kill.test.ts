import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRng } from '@vqkit/core-tensor';
import { fullRun, titleIf } from '@vqkit/testing';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import type { MetricsRecord } from '@vqkit/training';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ImageConfig, ImageOptions } from '../src/train-options.ts';
import { tinyConfig } from './fixtures.ts';

/** Runs the built package, which npm test builds first. */
const program = fileURLToPath(new URL('./training-process.mjs', import.meta.url));
const STEPS = fullRun ? 60 : 30;
const KILLS = Number(process.env.KILLS ?? (fullRun ? 6 : 3));
/** The other quantizers, for a longer run with KILL_ALL. */
const ALL: [string, ImageOptions][] = [
  ['lfq', { quantizer: 'lfq', quantizerOptions: { codebookSize: 16, fracPerSampleEntropy: 0.5 } }],
  ['simvq', { quantizer: 'simvq', quantizerOptions: { codebookSize: 16 } }],
  ['vq-sampled', { quantizer: 'vq', quantizerOptions: { codebookSize: 16, stochasticSampleCodes: true } }],
  [
    'residual-vq',
    {
      quantizer: 'residual-vq',
      quantizerOptions: { codebookSize: 64, numQuantizers: 3, quantizeDropout: true },
      batchSize: 1,
    },
  ],
  ['residual-simvq', { quantizer: 'residual-simvq', quantizerOptions: { codebookSize: 16, quantizeDropout: true } }],
  ['residual-lfq', { quantizer: 'residual-lfq', quantizerOptions: { codebookSize: 16 } }],
  ['residual-fsq', { quantizer: 'residual-fsq', quantizerOptions: { levels: [5, 4], quantizeDropout: true } }],
];

/** What became of a process: its last line, or the signal that ended it. */
interface Outcome {
  readonly signal: NodeJS.Signals | null;
  readonly lastLine: string;
}

/** Runs training in a process of its own; `signal` is sent so many milliseconds after the process says that it trains. */
function trainingProcess(
  args: readonly string[],
  signal?: { name: NodeJS.Signals; afterMs: number },
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.stdout.on('data', (chunk) => {
      if (output === '' && signal !== undefined) setTimeout(() => child.kill(signal.name), signal.afterMs);
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, ended) => {
      if (code !== 0 && ended === null) reject(new Error(`exit code ${code}: ${errors}`));
      else resolve({ signal: ended, lastLine: output.trim().split('\n').at(-1) ?? '' });
    });
  });
}

describe('a process that trains', () => {
  let data = '';
  let runs = '';
  beforeAll(async () => {
    data = await tinyIdxFolder();
    runs = await temporaryFolder();
  });
  // A checkpoint after every step, so that many a kill comes while one is written.
  const config = (name: string, options: ImageOptions = {}): ImageConfig => {
    const often = { engine: 'wasm', steps: STEPS, checkpointEvery: 1, validateEvery: STEPS / 3 } as const;
    return tinyConfig(data, join(runs, name), { ...often, ...options });
  };
  const finalCheckpoint = (name: string): Promise<Buffer> =>
    readFile(join(runs, name, 'checkpoints', `step-${STEPS}.safetensors`));
  const metrics = async (name: string): Promise<unknown[]> =>
    (await readFile(join(runs, name, 'metrics.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => ({ ...(JSON.parse(line) as MetricsRecord), elapsedSeconds: 0 }));

  it.each<[string, ImageOptions]>([
    ...(fullRun ? ([['fsq', {}]] as [string, ImageOptions][]) : []),
    // The codes are placed by the tokens of the first steps: kills come while they are gathered.
    ['vq', { quantizer: 'vq', quantizerOptions: { codebookSize: 128, kmeansInit: true }, batchSize: 1 }],
    ...(process.env.KILL_ALL === undefined ? [] : ALL),
  ])('%s: ends with the same bytes when it is killed at random moments and resumed', async (name, options) => {
    const [whole, killed] = [`whole-${name}`, `killed-${name}`];
    expect(await trainingProcess(['train', JSON.stringify(config(whole, options))])).toMatchObject({
      lastLine: 'finished',
    });
    const rng = createRng(7);
    let kills = 0;
    let outcome: Outcome | undefined;
    while (outcome?.lastLine !== 'finished') {
      const started = existsSync(join(runs, killed, 'config.json'));
      const args = started ? ['resume', join(runs, killed)] : ['train', JSON.stringify(config(killed, options))];
      outcome = await trainingProcess(
        args,
        kills < KILLS ? { name: 'SIGKILL', afterMs: 250 * rng.uniform() } : undefined,
      );
      if (outcome.signal === 'SIGKILL') kills++;
    }
    expect(kills).toBeGreaterThanOrEqual(3);
    expect((await finalCheckpoint(killed)).equals(await finalCheckpoint(whole))).toBe(true);
    expect(await metrics(killed)).toEqual(await metrics(whole));
  });

  const left = it.skipIf(!fullRun);
  left(titleIf(fullRun, 'keeps a second process out of its folder, but no longer once it is killed'), async () => {
    const long = { ...config('shared'), steps: 100_000, checkpointEvery: 100_000 };
    const first = spawn(process.execPath, [program, 'train', JSON.stringify(long)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(first.stdout, 'data');
    const resume = ['resume', join(runs, 'shared')];
    await expect(trainingProcess(resume)).rejects.toThrow(`must not be in use, got process ${first.pid} on`);
    first.kill('SIGKILL');
    await once(first, 'close');
    const outcome = await trainingProcess(resume, { name: 'SIGINT', afterMs: 100 });
    expect(outcome).toEqual({ signal: null, lastLine: 'interrupted' });
  });

  left(titleIf(fullRun, 'writes a checkpoint and ends by itself on SIGINT'), async () => {
    const long = { ...config('stopped'), steps: 100_000, checkpointEvery: 100_000 };
    const outcome = await trainingProcess(['train', JSON.stringify(long)], { name: 'SIGINT', afterMs: 200 });
    expect(outcome).toEqual({ signal: null, lastLine: 'interrupted' });
    const { step } = (await metrics('stopped')).at(-1) as MetricsRecord;
    expect(step).toBeGreaterThan(0);
    expect(step).toBeLessThan(100_000);
  });
});
