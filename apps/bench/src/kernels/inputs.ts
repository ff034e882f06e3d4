import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng } from '@vqkit/core-tensor';
import { factsOf, type Work } from './work.ts';

/** Writes what a work reads into a folder, the same for every contender and every run, and names the files in the work. */
export async function withInputs(work: Work, folder: string): Promise<Work> {
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
