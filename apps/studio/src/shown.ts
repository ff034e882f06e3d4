import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { OptionError, phrase } from '@vqkit/core-tensor/errors';
import { readTokenizer } from '@vqkit/train';

/** A run or a tokenizer that the page shows. */
export interface Shown {
  /** The end of its path, as the page names it. */
  readonly name: string;
  readonly path: string;
  /** Whether it is the folder of a run, with curves to show beside its tokenizer. */
  readonly isRun: boolean;
}

const CONFIG = 'config.json';

/**
 * What these paths hold: a run, the runs in a folder, a checkpoint or a tokenizer file.
 * @throws OptionError or CheckpointError for a path that holds nothing of it.
 */
export async function findShown(paths: readonly string[]): Promise<Shown[]> {
  const found = await Promise.all(paths.map((path) => inPath(path)));
  const unique = new Map(found.flat().map((shown) => [resolve(shown.path), shown]));
  return [...unique.values()];
}

async function inPath(path: string): Promise<Shown[]> {
  if (!(await kindOf(path))?.isDirectory()) {
    await readTokenizer(path);
    return [{ name: basename(path), path, isRun: false }];
  }
  if (await isRun(path)) return [run(path)];
  const inner = (await readdir(path)).sort().map((name) => join(path, name));
  const runs = await Promise.all(inner.map(isRun));
  const found = inner.filter((_, i) => runs[i]);
  if (found.length > 0) return found.map(run);
  const fix = 'Pass the outDir of vqkit train, or a folder of such.';
  throw new OptionError('serveStudio', path, 'be the folder of a run', phrase(`one without ${CONFIG}`, path), fix);
}

function run(path: string): Shown {
  return { name: basename(resolve(path)), path, isRun: true };
}

async function isRun(path: string): Promise<boolean> {
  return (await kindOf(join(path, CONFIG)))?.isFile() ?? false;
}

async function kindOf(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  return stat(path).catch(() => undefined);
}
