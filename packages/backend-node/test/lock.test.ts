import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError } from '@vqkit/core-tensor';
import { makeSpecialFile } from '@vqkit/testing/special-file';
import { describe, expect, it } from 'vitest';
import { type Lock, lockFile } from '../src/lock.ts';
import { temporaryFolder } from './fakes.ts';

const root = temporaryFolder();
const program = fileURLToPath(new URL('./lock-process.mjs', import.meta.url));
const newLock = (): string => join(mkdtempSync(join(root, 'lock-')), 'lock');
const release = (lock: Lock): void => {
  if ('heldBy' in lock) expect.fail(`held by ${lock.heldBy}`);
  else lock.release();
};

/** How often each of several processes that try as fast as they can held the lock, was refused, and met another holder: the sums. */
async function contend(path: string, processes: number, tries: number): Promise<Record<string, number>> {
  const outputs = await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = spawn(process.execPath, [program, 'contend', path, String(tries)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [text] = (await once(child.stdout, 'data')) as [Buffer];
      return JSON.parse(text.toString()) as Record<string, number>;
    }),
  );
  const sum = (name: string): number => outputs.reduce((total, counts) => total + (counts[name] ?? 0), 0);
  return { held: sum('held'), refused: sum('refused'), both: sum('both') };
}

/** Rounds in which several processes come at once upon the lock that a killed one left: how many of them had it, round by round. */
async function startersOnStaleLocks(folder: string, processes: number, rounds: number): Promise<number[]> {
  const children = Array.from({ length: processes }, () =>
    spawn(process.execPath, [program, 'starters', folder], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const answers = (): Promise<string[]> =>
    Promise.all(children.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()));
  await answers();
  const holders: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const name = `lock-${round}`;
    writeFileSync(join(folder, name), JSON.stringify({ pid: 999_999_999, host: hostname(), since: 'long ago' }));
    const answered = answers();
    for (const { stdin } of children) stdin.write(`${name}\n`);
    holders.push((await answered).filter((answer) => answer === 'held').length);
  }
  for (const child of children) child.kill('SIGKILL');
  return holders;
}

/** How often this process has a file open, where /dev/fd can tell. */
function timesOpen(path: string): number {
  const { dev, ino } = statSync(path);
  const isOpen = (descriptor: string): boolean => {
    try {
      const open = fstatSync(Number(descriptor));
      return open.ino === ino && open.dev === dev;
    } catch {
      // That of the list itself.
      return false;
    }
  };
  return readdirSync('/dev/fd').filter(isOpen).length;
}

// The proof in docs/LOG.md is 8 and 1,000.
const PROCESSES = Number(process.env.LOCK_PROCESSES ?? 4);
const ROUNDS = Number(process.env.LOCK_ROUNDS ?? 40);

describe('lockFile', () => {
  it('lets one in at a time, says who, and leaves nothing behind', async () => {
    const path = newLock();
    const lock = await lockFile('test', path);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() });
    for (let i = 0; i < 3; i++) {
      expect(await lockFile('test', path)).toEqual({
        heldBy: expect.stringMatching(`^process ${process.pid} on ${hostname()}, since 2`),
      });
    }
    release(lock);
    expect(existsSync(path)).toBe(false);
    release(lock);
    const again = await lockFile('test', path);
    release(lock);
    expect(existsSync(path), 'a second release is not that of the next holder').toBe(true);
    release(again);
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  it('is free when its process was killed, whatever the file says: a number that is in use again, another machine, null, nothing', async () => {
    const path = newLock();
    const child = spawn(process.execPath, [program, 'hold', path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(await lockFile('test', path)).toMatchObject({ heldBy: expect.stringContaining(`process ${child.pid} on`) });
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(existsSync(path)).toBe(true);
    release(await lockFile('test', path));
    const since = new Date().toISOString();
    for (const text of [
      JSON.stringify({ pid: process.pid, host: hostname(), since }),
      JSON.stringify({ pid: 1, host: hostname(), since }),
      JSON.stringify({ pid: 7, host: 'elsewhere', since }),
      'null',
      '{ "pi',
      '',
    ]) {
      writeFileSync(path, text);
      release(await lockFile('test', path));
      expect(existsSync(path)).toBe(false);
    }
  });

  const canCount = existsSync('/dev/fd');
  it.skipIf(!canCount)(`closes a file that another holds${canCount ? '' : ' (skipped: no /dev/fd here)'}`, async () => {
    const path = newLock();
    const lock = await lockFile('test', path);
    for (let i = 0; i < 3; i++) expect(await lockFile('test', path)).toHaveProperty('heldBy');
    expect(timesOpen(path)).toBe(1);
    release(lock);
  });

  it('says what is in the way where there is a folder, a link, a FIFO or a socket', async () => {
    const folder = newLock();
    mkdirSync(folder);
    const dangling = newLock();
    symlinkSync(join(root, 'nowhere'), dangling);
    const link = newLock();
    writeFileSync(join(root, 'target'), 'kept');
    symlinkSync(join(root, 'target'), link);
    const special = newLock();
    await makeSpecialFile(special);
    for (const path of [folder, dangling, link, special, '/dev/null', join(root, 'no-folder', 'lock')]) {
      await expect(lockFile('test', path)).rejects.toThrow(OptionError);
      await expect(lockFile('test', path)).rejects.toThrow(`test: ${path} must be a file of its own`);
    }
    expect(existsSync(join(root, 'nowhere'))).toBe(false);
    expect(readFileSync(join(root, 'target'), 'utf8')).toBe('kept');
  });

  it('has exactly one holder of many that start at once on a stale lock', async () => {
    const holders = await startersOnStaleLocks(mkdtempSync(join(root, 'rounds-')), PROCESSES, ROUNDS);
    expect(holders).toEqual(Array(ROUNDS).fill(1));
  });

  it('never has two holders while many take it and give it back', async () => {
    const { held = 0, refused = 0, both } = await contend(newLock(), PROCESSES, ROUNDS);
    expect(both).toBe(0);
    expect(held).toBeGreaterThan(0);
    expect(held + refused).toBe(PROCESSES * ROUNDS);
  });
});
