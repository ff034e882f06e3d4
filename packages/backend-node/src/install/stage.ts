import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../lock.ts';
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
  } catch (error) {
    throw inWords(error, 'making it');
  }
  const lock = await lockFile('installNative', join(cache, LOCK));
  if ('heldBy' in lock) {
    const got = `another installation (${lock.heldBy})`;
    throw new InstallError(`the cache folder ${cache}`, 'be free', got, 'Wait until it is done.');
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
    lock.release();
  }
}

/** Says no before a long download that would not fit. */
export function requireSpace(folder: string, needed: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new InstallError(
    `the cache folder ${folder}`,
    `have ${megabytes(needed)} MB left`,
    `${megabytes(free)} MB`,
    'Free some, or pass another --cache folder.',
  );
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
