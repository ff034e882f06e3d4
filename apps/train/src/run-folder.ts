import { appendFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { lockFile } from '@vqkit/backend-node/lock';
import { CheckpointError } from '@vqkit/checkpoint';
import { removePartialFiles, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { createConfig, type TrainConfig, type TrainOptions } from './config.ts';
import type { MetricsRecord } from './report-data.ts';

const LOCK = 'lock.json';
const CHECKPOINT = /^step-(\d+)\.safetensors$/;

/** A checkpoint file of a run. */
interface CheckpointFile {
  readonly path: string;
  readonly step: number;
}

/**
 * The folder of one run: config.json, metrics.jsonl, checkpoints/step-N.safetensors, at the end summary.json and
 * report-data.json, or failure.json when training broke off. Every file but metrics.jsonl, which grows by lines, is written
 * whole or not at all.
 */
export interface RunFolder {
  readonly path: string;
  filePath(name: string): string;
  writeJson(name: string, value: unknown): Promise<void>;
  removeFile(name: string): Promise<void>;
  appendMetrics(record: MetricsRecord): Promise<void>;
  readMetrics(): Promise<MetricsRecord[]>;
  /** Drops what metrics.jsonl has beyond `step`, and a line that was cut short; returns what is left. */
  cutMetrics(step: number): Promise<MetricsRecord[]>;
  /** Checkpoints, oldest first. */
  checkpoints(): Promise<CheckpointFile[]>;
  checkpointPath(step: number): string;
  /** Removes all but the newest `keep` checkpoints. */
  pruneCheckpoints(keep: number): Promise<void>;
  /** Sets a damaged checkpoint aside under the name `….damaged`. */
  setAside(file: CheckpointFile): Promise<void>;
  /** Lets other processes train here again. */
  release(): void;
}

/** @throws OptionError when the folder already holds a run. */
export async function requireNoRun(path: string): Promise<void> {
  if (!(await exists(join(path, 'config.json')))) return;
  throw new OptionError(
    `train: outDir must not hold a run yet, got ${path}. Continue that run with --resume, or choose another folder.`,
  );
}

/**
 * Makes the folder of a new run, locks it and writes its configuration.
 * @throws OptionError when the folder already holds a run, or another process begins one there.
 */
export async function createRunFolder(config: TrainConfig): Promise<RunFolder> {
  const path = config.outDir;
  await mkdir(join(path, 'checkpoints'), { recursive: true });
  return locked(path, async (folder) => {
    await requireNoRun(path);
    await folder.writeJson('config.json', config);
    return folder;
  });
}

/**
 * Opens and locks the folder of a run that was started before.
 * @throws OptionError when there is no run, its config.json is damaged, or another process trains there.
 */
export async function openRunFolder(path: string): Promise<{ folder: RunFolder; config: TrainConfig }> {
  const file = join(path, 'config.json');
  let stored: unknown;
  try {
    stored = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new OptionError(
      `openRunFolder: ${path} must be the folder of a run, got ${(error as Error).message}. Pass the outDir of vqkit train.`,
    );
  }
  const config = createConfig(stored as TrainOptions, `openRunFolder: ${file}`);
  return locked(path, async (folder) => {
    await mkdir(join(path, 'checkpoints'), { recursive: true });
    await removePartialFiles(path);
    await removePartialFiles(join(path, 'checkpoints'));
    return { folder, config: { ...config, outDir: path } };
  });
}

/** Locks a folder, for good unless `prepare` throws. */
async function locked<T>(path: string, prepare: (folder: RunFolder) => Promise<T>): Promise<T> {
  const lock = await lockFile('train', join(path, LOCK));
  if ('heldBy' in lock) {
    throw new OptionError(
      `train: ${path} must not be in use, got ${lock.heldBy}, which trains there. Wait until it ends, or stop it.`,
    );
  }
  try {
    return await prepare({ ...runFolder(path), release: lock.release });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Reads the newest usable checkpoint with `read`. A damaged one is reported to `warn` and set aside, and the one before it is
 * taken. undefined when the run has written no checkpoint yet.
 *
 * @throws CheckpointError when there are checkpoints but all are damaged.
 */
export async function readNewestCheckpoint(
  folder: RunFolder,
  read: (path: string) => Promise<number>,
  warn: (message: string) => void,
): Promise<number | undefined> {
  const files = (await folder.checkpoints()).reverse();
  for (const [i, file] of files.entries()) {
    try {
      const step = await read(file.path);
      for (const damaged of files.slice(0, i)) await folder.setAside(damaged);
      return step;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      const next = files[i + 1];
      warn(`${error.message} ${next === undefined ? 'No older checkpoint is left.' : `Using ${basename(next.path)}.`}`);
    }
  }
  if (files.length === 0) return undefined;
  throw new CheckpointError(
    `resumeTraining: ${folder.path} must have a usable checkpoint, got ${files.length}, all damaged. Start the run anew in another folder.`,
  );
}

/**
 * The newest checkpoint of a run, which may be training: nothing is changed.
 * @throws OptionError when there is no run, or none with a checkpoint.
 */
export async function newestCheckpoint(path: string): Promise<string> {
  const files = await runFolder(path)
    .checkpoints()
    .catch(() => []);
  const newest = files.at(-1);
  if (newest !== undefined) return newest.path;
  throw new OptionError(
    `newestCheckpoint: ${path} must be the folder of a run with a checkpoint, got none there. Pass the outDir of vqkit train.`,
  );
}

function runFolder(path: string): Omit<RunFolder, 'release'> {
  const metricsFile = join(path, 'metrics.jsonl');
  const checkpointFolder = join(path, 'checkpoints');

  const readMetrics = async (): Promise<MetricsRecord[]> => {
    if (!(await exists(metricsFile))) return [];
    const lines = (await readFile(metricsFile, 'utf8')).split('\n');
    return lines.flatMap((line) => {
      try {
        return [JSON.parse(line) as MetricsRecord];
      } catch {
        return [];
      }
    });
  };
  const checkpoints = async (): Promise<CheckpointFile[]> => {
    const names = await readdir(checkpointFolder);
    const files = names.flatMap((name) => {
      const [, step] = CHECKPOINT.exec(name) ?? [];
      return step === undefined ? [] : [{ path: join(checkpointFolder, name), step: Number(step) }];
    });
    return files.sort((a, b) => a.step - b.step);
  };

  return {
    path,
    filePath: (name) => join(path, name),
    writeJson: (name, value) => writeFileAtomic(join(path, name), `${JSON.stringify(value, undefined, 2)}\n`),
    removeFile: (name) => rm(join(path, name), { force: true }),
    appendMetrics: (record) => appendFile(metricsFile, `${JSON.stringify(record)}\n`),
    readMetrics,
    async cutMetrics(step) {
      const kept = (await readMetrics()).filter((record) => record.step <= step);
      await writeFileAtomic(metricsFile, kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
      return kept;
    },
    checkpoints,
    checkpointPath: (step) => join(checkpointFolder, `step-${step}.safetensors`),
    async pruneCheckpoints(keep) {
      const files = await checkpoints();
      for (const { path: file } of files.slice(0, -keep)) await rm(file, { force: true });
    },
    setAside: (file) => rename(file.path, `${file.path}.damaged`),
  };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
