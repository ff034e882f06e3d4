// One training of the recipe in a process of its own, as peers/recipe.py is: the first argument says what, one line of JSON the result.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { train } from '@vqkit/train';
import { COMPARED_STEPS, type RecipeRun, type WorkerSettings } from './settings.ts';
import { recipeConfig } from './start.ts';

const settings = JSON.parse(process.argv[2] ?? '') as WorkerSettings;
const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
try {
  const losses: number[] = [];
  const result = await train(recipeConfig(settings, join(folder, 'run')), {
    onEvent(event) {
      if (event.kind === 'step' && losses.length < COMPARED_STEPS) losses.push(event.loss);
    },
  });
  if (result.status !== 'finished') throw new Error('the training did not finish');
  const { test, stepsPerSecond } = result.summary;
  const run: RecipeRun = {
    losses,
    l1: test.quality.l1,
    psnr: test.quality.psnrDb ?? null,
    usedCodes: test.codes.used,
    perplexity: test.codes.perplexity,
    stepsPerSecond: stepsPerSecond ?? 0,
    cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
    peakMiB: process.resourceUsage().maxRSS / 1024,
  };
  process.stdout.write(`${JSON.stringify(run)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
// Threads of an engine would keep the process.
process.exit(0);
