import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { OptionError, phrase, UnsupportedError } from '@vqkit/core-tensor/errors';

/** A lock that is held, or who holds it. */
export type Lock =
  | { release(): void }
  | {
      /** In words, such as `process 7 on gpu1, since 2026-11-30T09:00:00.000Z`. */
      readonly heldBy: string;
    };

/** What the holder writes into the file, for others to show; whether it is held, the operating system alone knows. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

const { O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDWR } = constants;
const LONGEST_HOLDER = 1024;
/** The byte that is locked, behind all that is written: on Windows nobody else can read what is locked. */
const LOCKED_BYTE = 2 ** 30;

/**
 * Takes the lock that a file stands for, or says who holds it; never waits. The lock is the operating system's (fcntl, LockFileEx), on the
 * open file: it ends with its process, however that ends, and no number of a process is asked, which another container may have too.
 *
 * A holder deletes the file while it still holds it. Whoever locks a file that is no longer the one at the path tries again with the new one:
 * so two that hold would have to hold the same file, which the operating system does not allow.
 *
 * @param where the function that was called, for errors.
 * @throws OptionError when what stands at the path can be no lock, or the file system has none; UnsupportedError where this machine has none.
 * @example
 * const lock = await lockFile('train', 'runs/a/lock.json');
 * if ('heldBy' in lock) throw new Error(`in use by ${lock.heldBy}`);
 * lock.release();
 */
export async function lockFile(where: string, path: string): Promise<Lock> {
  const tryLock = await loadTryLock(where);
  for (;;) {
    const fd = openLock(where, path);
    let lock: Lock | undefined;
    try {
      if (!taken(where, path, fd, tryLock)) return { heldBy: readHolder(fd) };
      if (isAt(path, fd)) lock = held(path, fd);
    } finally {
      if (lock === undefined) closeSync(fd);
    }
    if (lock !== undefined) return lock;
  }
}

type TryLock = (fd: number, offset: number, length: number) => boolean;

async function loadTryLock(where: string): Promise<TryLock> {
  try {
    return (await import('fs-native-extensions')).tryLock;
  } catch (error) {
    throw new UnsupportedError(
      where,
      'this machine',
      'have locks of files',
      phrase(firstLine(error)),
      'Reinstall @vqkit/backend-node; it has them for Linux, macOS and Windows on x64 and arm64.',
    );
  }
}

/** Opens the file, new where there is none. Neither follows a link nor waits for the other end of a FIFO. */
function openLock(where: string, path: string): number {
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o666);
  } catch (error) {
    throw noLock(where, path, firstLine(error));
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw noLock(where, path, 'something else');
}

function noLock(where: string, path: string, found: string): OptionError {
  return new OptionError(
    where,
    path,
    'be a file of its own that can be read and written',
    phrase(found),
    'Delete it, or mend the rights of its folder.',
  );
}

function taken(where: string, path: string, fd: number, tryLock: TryLock): boolean {
  try {
    return tryLock(fd, LOCKED_BYTE, 1);
  } catch (error) {
    throw new OptionError(
      where,
      path,
      'be on a file system that has locks',
      phrase(firstLine(error)),
      'Use a folder on another disk.',
    );
  }
}

function held(path: string, fd: number): Lock {
  const mine: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  try {
    ftruncateSync(fd);
    writeSync(fd, `${JSON.stringify(mine)}\n`, 0);
  } catch {
    // A full disk keeps others from reading who holds the lock, not from seeing that it is held.
  }
  let isHeld = true;
  return {
    release() {
      if (!isHeld) return;
      isHeld = false;
      try {
        if (isAt(path, fd)) rmSync(path, { force: true });
      } finally {
        closeSync(fd);
      }
    },
  };
}

function readHolder(fd: number): string {
  const bytes = Buffer.alloc(LONGEST_HOLDER);
  try {
    const { pid, host, since } = JSON.parse(
      bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)),
    ) as Holder;
    return `process ${Number(pid)} on ${String(host)}, since ${String(since)}`;
  } catch {
    // It may just be writing.
    return 'another process';
  }
}

/** Whether an open file is the one at the path. */
function isAt(path: string, fd: number): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  const open = fstatSync(fd, { bigint: true });
  return there?.ino === open.ino && there.dev === open.dev;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
