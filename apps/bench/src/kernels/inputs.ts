import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng } from '@vqkit/core-tensor';
import { loadDataset } from '@vqkit/data/node';
import { createConfig } from '@vqkit/train';
import { writeIdx } from '../idx.ts';
import { factsOf, type Work } from './work.ts';

const RECIPE_IMAGES = 5120;

/** Writes what a work reads into a folder, the same for every contender and every run, and names the files in the work. */
export async function withInputs(work: Work, folder: string): Promise<Work> {
  if (work.op === 'recipe') return { ...work, imagesPath: await writeImages(join(folder, 'images')) };
  const rng = createRng(1);
  const { n, dim } = work;
  const write = async (name: string, count: number, spread: number): Promise<string> => {
    const path = join(folder, name);
    const { buffer } = rng.fork(name).normalArray(count, spread);
    await writeFile(path, new Uint8Array(buffer));
    return path;
  };
  const inputPath = await write('input', n * dim, factsOf(work).spread(work));
  const gradientPath = await write('gradient', n * dim, 1e-3);
  if (!('frozenDim' in work)) return { ...work, inputPath, gradientPath };
  const { codes, frozenDim } = work;
  return {
    ...work,
    inputPath,
    gradientPath,
    codebookPath: await write('codebook', codes * frozenDim, frozenDim ** -0.5),
    weightPath: await write('weight', dim * frozenDim, frozenDim ** -0.5),
  };
}

/** The first images of MNIST as one IDX file. */
async function writeImages(path: string): Promise<string> {
  const { train } = await loadDataset(createConfig({ validationSize: 0 }));
  return writeIdx(path, train, RECIPE_IMAGES);
}
