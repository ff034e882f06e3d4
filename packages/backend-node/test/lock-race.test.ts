import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { lockFile } from '../src/lock.ts';
import { temporaryFolder } from './fakes.ts';

/** What another process does between this one's opening of the file and its lock. */
let meanwhile: (() => void) | undefined;

vi.mock('fs-native-extensions', async (load) => {
  const { tryLock } = await load<{ tryLock: (fd: number) => boolean }>();
  return {
    tryLock: (fd: number) => {
      meanwhile?.();
      meanwhile = undefined;
      return tryLock(fd);
    },
  };
});

const folder = temporaryFolder();

it('counts no lock of a file that its holder has deleted meanwhile', async () => {
  const path = join(folder, 'deleted.json');
  meanwhile = () => rmSync(path);
  const lock = await lockFile('train', path);
  expect('release' in lock && existsSync(path)).toBe(true);
  if ('release' in lock) lock.release();
  expect(existsSync(path)).toBe(false);
});

it('deletes no file but its own when it is released', async () => {
  const path = join(folder, 'replaced.json');
  const lock = await lockFile('train', path);
  rmSync(path);
  writeFileSync(path, 'of another');
  if ('release' in lock) lock.release();
  expect(readFileSync(path, 'utf8')).toBe('of another');
});
