// One training of the recipe in a process of its own, as peers/recipe.py is: the first argument says what, one line of JSON the result.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConfig, train } from '@vqkit/train';
import type { RecipeRun, WorkerSettings } from './settings.ts';

const settings = JSON.parse(process.argv[2] ?? '') as WorkerSettings;
const { quantizer, loss, seed, steps, engine, threads, dataPath } = settings;
const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
try {
  const config = createConfig({
    preset: 'recipe',
    data: 'idx',
    dataPath,
    validationSize: 0,
    quantizer,
    loss,
    clampOutput: loss === 'l1',
    seed,
    steps,
    logEvery: steps,
    checkpointEvery: steps,
    engine,
    ...(engine === 'wasm' ? { threads } : {}),
    outDir: join(folder, 'run'),
  });
  const result = await train(config);
  if (result.status !== 'finished') throw new Error('the training did not finish');
  const { test, stepsPerSecond } = result.summary;
  const run: RecipeRun = {
    l1: test.quality.l1,
    psnr: test.quality.psnrDb ?? null,
    usedCodes: test.codes.used,
    perplexity: test.codes.perplexity,
    stepsPerSecond: stepsPerSecond ?? 0,
    peakMiB: process.resourceUsage().maxRSS / 1024,
  };
  process.stdout.write(`${JSON.stringify(run)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
// Threads of an engine would keep the process.
process.exit(0);
