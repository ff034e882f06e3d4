import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { lockRunFolder } from '../src/run-lock.ts';
import { resumeTraining, train } from '../src/train.ts';
import { temporaryFolder, tinyConfig, tinyIdxFolder } from './fixtures.ts';

const lockOf = (folder: string): string => join(folder, 'lock.json');

/** The number of a process that has ended. */
async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['--eval', '']);
  await once(child, 'close');
  return child.pid as number;
}

describe('lockRunFolder', () => {
  it('lets one in at a time, and leaves nothing behind', async () => {
    const folder = await temporaryFolder();
    const release = await lockRunFolder('train', folder);
    expect(JSON.parse(await readFile(lockOf(folder), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() });
    await expect(lockRunFolder('train', folder)).rejects.toThrow(OptionError);
    await expect(lockRunFolder('train', folder)).rejects.toThrow(
      `train: ${folder} must not be in use, got process ${process.pid} on ${hostname()}, which has trained there since 20`,
    );
    await release();
    await (await lockRunFolder('train', folder))();
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes over from a process that has ended, and from what is no lock', async () => {
    const folder = await temporaryFolder();
    for (const stale of [JSON.stringify({ pid: await endedPid(), host: hostname(), since: 'long ago' }), '{ "pi', '']) {
      await writeFile(lockOf(folder), stale);
      await (await lockRunFolder('train', folder))();
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it('leaves the lock of another machine alone, and says what to delete', async () => {
    const folder = await temporaryFolder();
    await writeFile(lockOf(folder), JSON.stringify({ pid: await endedPid(), host: 'elsewhere', since: 'noon' }));
    await expect(lockRunFolder('train', folder)).rejects.toThrow(`delete ${lockOf(folder)}.`);
  });

  it('lets exactly one of many in that come at once, also over a stale lock', async () => {
    const folder = await temporaryFolder();
    for (const stale of [undefined, JSON.stringify({ pid: await endedPid(), host: hostname(), since: 'long ago' })]) {
      if (stale !== undefined) await writeFile(lockOf(folder), stale);
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockRunFolder('train', folder)));
      const [winner, ...others] = tries.filter((result) => result.status === 'fulfilled');
      expect(others).toEqual([]);
      await winner?.value();
    }
  });
});

describe('a run', () => {
  it('holds the lock of its folder until it ends, well or not', async () => {
    const folder = join(await temporaryFolder(), 'run');
    const config = tinyConfig(await tinyIdxFolder(), folder, { steps: 3 });
    let second: unknown;
    await train(config, {
      onStart: () => {
        second = resumeTraining(folder).catch((error: unknown) => error);
      },
    });
    expect(String(await second)).toContain(`must not be in use, got process ${process.pid}`);
    expect(existsSync(lockOf(folder))).toBe(false);
    await expect(resumeTraining(folder, { seed: 5 })).rejects.toThrow(/seed must stay/);
    expect(existsSync(lockOf(folder))).toBe(false);
    await resumeTraining(folder, { steps: 4 });
    expect(existsSync(lockOf(folder))).toBe(false);
  });
});
