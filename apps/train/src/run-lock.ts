import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '@vqkit/core-tensor';

/** Who trains in a folder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

const NAME = 'lock.json';

/**
 * Keeps other processes from training in a run folder, by a file that names this process. The file of a process that has ended, killed
 * or not, counts as none.
 *
 * @returns a function that gives the folder free.
 * @throws OptionError when another process, or another run of this one, holds it.
 */
export async function lockRunFolder(where: string, folder: string): Promise<() => Promise<void>> {
  const path = join(folder, NAME);
  // Written whole under a name that removePartialFiles knows, then given its real name, which fails where there is one: no one ever reads
  // half a lock.
  const partial = join(folder, `.${NAME}.${randomBytes(6).toString('hex')}.partial`);
  const mine: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  await writeFile(partial, `${JSON.stringify(mine)}\n`);
  try {
    while (!(await linked(partial, path))) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      requireEnded(where, folder, path, text);
      await removeStale(path, text);
    }
  } finally {
    await rm(partial, { force: true });
  }
  return () => rm(path, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function requireEnded(where: string, folder: string, path: string, text: string): void {
  let holder: Partial<Holder> = {};
  try {
    holder = JSON.parse(text) as Partial<Holder>;
  } catch {
    // What is no lock is held by no one.
  }
  const { pid, host, since } = holder;
  if (pid === undefined || (host === hostname() && !isRunning(pid))) return;
  throw new OptionError(
    `${where}: ${folder} must not be in use, got process ${pid} on ${host}, which has trained there since ${since}. Wait until it ends, or stop it; if it is no training, delete ${path}.`,
  );
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, but belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Takes a stale lock away; one that another process has put in its place meanwhile is put back. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== stale) await linked(aside, path);
  await rm(aside, { force: true });
}
