import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuantizerName } from '@vqkit/quantizers';
import { createConfig, train } from '@vqkit/train';
import type { Prepared } from './protocol.ts';
import type { RecipeWork } from './work.ts';

/** Steps at the beginning of each training that are not counted. */
const WARM_UP_STEPS = 3;

/** Steps of the recipe by @vqkit/train on an engine: each run trains a new model for a few steps and gives the time of each. */
export function prepareRecipe(work: RecipeWork, threads: number, engine: 'wasm' | 'native'): Prepared {
  return {
    async measure(count) {
      const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
      const marks: number[] = [];
      try {
        const steps = count + WARM_UP_STEPS;
        const config = createConfig({
          preset: 'recipe',
          quantizer: work.quantizer.replace('recipe-', '') as QuantizerName,
          data: 'idx',
          dataPath: work.imagesPath,
          validationSize: 0,
          testSize: 256,
          steps,
          logEvery: steps,
          checkpointEvery: steps,
          engine,
          threads,
          outDir: join(folder, 'run'),
        });
        await train(config, {
          onEvent: ({ kind }) => {
            if (kind === 'step') marks.push(performance.now());
          },
        });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      return marks.slice(WARM_UP_STEPS).map((mark, i) => mark - (marks[i + WARM_UP_STEPS - 1] ?? mark));
    },
  };
}
