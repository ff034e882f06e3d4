import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OptionError } from '@vqkit/core-tensor';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { describe, expect, it } from 'vitest';
import { resumeTraining, train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

const lockOf = (folder: string): string => join(folder, 'lock.json');

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
    await rm(join(folder, 'checkpoints'), { recursive: true });
    await writeFile(join(folder, 'checkpoints'), '');
    await expect(resumeTraining(folder)).rejects.toThrow(/checkpoints must be a folder/);
    expect(existsSync(lockOf(folder))).toBe(false);
  });

  it('says what to do where its lock is none', async () => {
    const folder = join(await temporaryFolder(), 'run');
    const config = tinyConfig(await tinyIdxFolder(), folder, { steps: 1 });
    await mkdir(lockOf(folder), { recursive: true });
    await expect(train(config)).rejects.toThrow(OptionError);
    await expect(train(config)).rejects.toThrow(`${lockOf(folder)} must be a file of its own`);
    expect(await readdir(folder)).not.toContain('config.json');
  });
});
