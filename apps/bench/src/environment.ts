import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os';
import { version_core } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { PACKAGE_FOLDER } from './paths.ts';
import { pythonPeerSchema } from './python.ts';

/** What a result depends on beside its settings. */
export const environmentSchema: z.ZodType<Environment> = z.strictObject({
  node: z.string(),
  tfjs: z.string(),
  vqkit: z.string(),
  commit: z.string().nullable(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.int(),
  memoryGiB: z.number(),
  load: z.number().nullable(),
  python: pythonPeerSchema.omit({ path: true }).nullable(),
});

export interface Environment {
  readonly node: string;
  readonly tfjs: string;
  readonly vqkit: string;
  /** Of the sources, `-dirty` where files differ from it; null outside a clone. */
  readonly commit: string | null;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Processes that wanted a core when the run began, in the mean of the last minute; null where it was not recorded. */
  readonly load: number | null;
  /** The peer's versions; null where no Python with the reference library was found. */
  readonly python: { readonly python: string; readonly torch: string; readonly vectorQuantizePytorch: string } | null;
}

/** Describes this machine and these sources. */
export function readEnvironment(python: Environment['python']): Environment {
  const manifest = JSON.parse(readFileSync(`${PACKAGE_FOLDER}package.json`, 'utf8')) as { version: string };
  return {
    node: process.versions.node,
    tfjs: version_core,
    vqkit: manifest.version,
    commit: commit(),
    platform: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: Math.round(10 * (loadavg()[0] ?? 0)) / 10,
    python,
  };
}

function commit(): string | null {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: PACKAGE_FOLDER, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const dirty = git('status', '--porcelain', '--', '../../packages', '../../apps', ':!results') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${dirty ? '-dirty' : ''}`;
  } catch {
    return null;
  }
}
