import { resultOf } from '../child.ts';
import { PACKAGE_FOLDER } from '../paths.ts';
import { imageArguments } from './data.ts';
import { type RecipeRun, type RecipeSettings, recipeRunSchema, type WorkerSettings } from './settings.ts';

/** One training by vqkit in a process of its own. */
export async function trainHere(settings: WorkerSettings): Promise<RecipeRun> {
  const args = [`${PACKAGE_FOLDER}dist/src/recipe/worker.js`, JSON.stringify(settings)];
  return recipeRunSchema.parse(await resultOf(process.execPath, args));
}

interface PyTorchOptions {
  readonly python: string;
  /** Where the images are, as `writeData` writes them. */
  readonly folder: string;
  /** What `writeStart` wrote; without it weights and batches are the seed's in PyTorch. */
  readonly start?: string;
  /** Variables of its environment, beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The same training by the reference library, `peers/recipe.py`. */
export async function trainByPyTorch(
  { quantizer, loss, seed, steps, threads }: RecipeSettings,
  { python, folder, start, environment }: PyTorchOptions,
): Promise<RecipeRun> {
  const args = [
    `${PACKAGE_FOLDER}peers/recipe.py`,
    ...['--quantizer', quantizer, '--loss', loss, '--seed', `${seed}`],
    ...['--steps', `${steps}`, '--threads', `${threads}`],
    ...imageArguments(folder),
    ...(start === undefined ? [] : ['--start', start]),
  ];
  return recipeRunSchema.parse(await resultOf(python, args, environment));
}
