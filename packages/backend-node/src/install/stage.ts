import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { InstallError, inWords } from './error.ts';

const PREFIX = 'stage-';
const LOCK = 'lock';

/**
 * Runs work in a new folder inside the cache, which is removed afterwards whatever happens. One installer at a time: what another one
 * left when it was interrupted is cleaned up first.
 */
export async function inStage<T>(cache: string, work: (stage: string) => Promise<T>): Promise<T> {
  let stage: string;
  try {
    mkdirSync(cache, { recursive: true });
    lock(cache);
  } catch (error) {
    throw inWords(error, 'making it');
  }
  try {
    for (const name of readdirSync(cache)) {
      if (name.startsWith(PREFIX)) rmSync(join(cache, name), { recursive: true, force: true });
    }
    stage = mkdtempSync(join(cache, PREFIX));
    try {
      return await work(stage);
    } finally {
      rmSync(stage, { recursive: true, force: true });
    }
  } catch (error) {
    throw inWords(error, 'installing');
  } finally {
    rmSync(join(cache, LOCK), { force: true });
  }
}

/** Takes the lock of a cache, or says who holds it. A process that is no more holds nothing. */
function lock(cache: string): void {
  const path = join(cache, LOCK);
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, `${process.pid} ${hostname()}`, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [pid, host] = existsSync(path) ? readFileSync(path, 'utf8').split(' ') : [];
    if (pid !== undefined && (attempt > 3 || host !== hostname() || isAlive(Number(pid)))) {
      throw new InstallError(
        `another installation runs in ${cache} (process ${pid} on ${host})`,
        `Wait until it is done. If there is none, delete ${path}`,
      );
    }
    rmSync(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Says no before a long download that would not fit. */
export function requireSpace(folder: string, needed: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new InstallError(
    `the cache folder ${folder} has ${megabytes(free)} MB left, ${megabytes(needed)} MB are needed`,
    'Free some, or pass another --cache folder.',
  );
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
