import { appendFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { lockFile } from '@vqkit/backend-node/lock';
import { CheckpointError } from '@vqkit/checkpoint';
import { readBytes, readJson, removePartialFiles, withFileErrors, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import type { MetricsRecord } from '@vqkit/training';
import { createConfig } from './config.ts';
import { parseMetrics } from './report-schema.ts';
import type { TrainConfig, TrainOptions } from './train-options.ts';

const LOCK = 'lock.json';
const METRICS = 'metrics.jsonl';
const KEPT = ['config.json', METRICS, 'summary.json', 'report-data.json'] as const;
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
  /**
   * Drops what metrics.jsonl has beyond `step`, and a last line that was cut short; returns what is left. Any other line that is no record
   * is named to `warn` and left out, and the file as it was is kept as metrics.jsonl.damaged.
   */
  cutMetrics(step: number, warn: (message: string) => void): Promise<MetricsRecord[]>;
  /** Checkpoints, oldest first. */
  checkpoints(): Promise<CheckpointFile[]>;
  /** Bytes of the largest; without one no number bounds what the run may be. */
  largestCheckpoint(): Promise<number>;
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
    'train',
    'outDir',
    'not hold a run yet',
    path,
    'Continue that run with --resume, or choose another folder.',
  );
}

/**
 * Makes the folder of a new run and locks it.
 * @throws OptionError when the folder already holds a run, or another process begins one there.
 */
export async function createRunFolder(path: string): Promise<RunFolder> {
  await makeFolder(join(path, 'checkpoints'));
  return locked(path, async (folder) => {
    await requireNoRun(path);
    return folder;
  });
}

/**
 * Opens and locks the folder of a run that was started before.
 * @throws OptionError when there is no run, its config.json is damaged, or another process trains there.
 */
export async function openRunFolder(path: string): Promise<{ folder: RunFolder; config: TrainConfig }> {
  const file = join(path, 'config.json');
  const stored = await readJson(file, (rule, found) => {
    const isMissing = rule === 'a readable file';
    const [argument, expected] = isMissing ? [path, 'the folder of a run'] : [file, rule];
    return new OptionError(
      'openRunFolder',
      argument,
      `be ${expected}`,
      phrase(found),
      'Pass the outDir of vqkit train.',
    );
  });
  const config = createConfig(stored as TrainOptions, `openRunFolder: ${file}`);
  return locked(path, async (folder) => {
    await makeFolder(join(path, 'checkpoints'));
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
      'train',
      path,
      'not be in use',
      phrase(`${lock.heldBy}, which trains there`, lock.heldBy),
      'Wait until it ends, or stop it.',
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
      requireOwnName(file, step);
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
    'resumeTraining',
    folder.path,
    'have a usable checkpoint',
    phrase(`${files.length}, all damaged`, files.length),
    'Start the run anew in another folder.',
  );
}

/** A copy under another number would be taken for a later state than it is. */
function requireOwnName({ path, step: named }: CheckpointFile, step: number): void {
  if (named === step) return;
  throw new CheckpointError(
    'resumeTraining',
    path,
    'hold the step that its name says',
    phrase(`step ${step}`, step),
    `Give it the name step-${step}.safetensors.`,
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
    'newestCheckpoint',
    path,
    'be the folder of a run with a checkpoint',
    phrase('none there'),
    'Pass the outDir of vqkit train.',
  );
}

/** What must stay of a run for it to be resumed, exported and reported; of any other path that file alone. */
export async function filesToKeep(path: string): Promise<string[]> {
  const checkpoints = await runFolder(path)
    .checkpoints()
    .catch(() => []);
  return [path, ...KEPT.map((name) => join(path, name)), ...checkpoints.map((file) => file.path)];
}

function runFolder(path: string): Omit<RunFolder, 'release'> {
  const metricsFile = join(path, METRICS);
  const checkpointFolder = join(path, 'checkpoints');

  const checkpoints = async (): Promise<CheckpointFile[]> => {
    const names = await withFileErrors('train', checkpointFolder, 'be a folder', readdir(checkpointFolder));
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
    removeFile: (name) => removeFile(join(path, name)),
    appendMetrics: (record) =>
      withFileErrors('train', metricsFile, 'be written', appendFile(metricsFile, `${JSON.stringify(record)}\n`)),
    async cutMetrics(step, warn) {
      const text = (await exists(metricsFile)) ? await readBytes(metricsFile) : new Uint8Array();
      const { records, problems } = parseMetrics(text);
      for (const problem of problems)
        warn(`${metricsFile} ${problem}. Left out; the file is kept as ${METRICS}.damaged.`);
      if (problems.length > 0) await writeFileAtomic(`${metricsFile}.damaged`, text);
      const kept = records.filter(({ record }) => record.step <= step);
      await writeFileAtomic(metricsFile, kept.map(({ line }) => `${line}\n`).join(''));
      return kept.map(({ record }) => record);
    },
    checkpoints,
    async largestCheckpoint() {
      const files = await Promise.all((await checkpoints()).map((file) => stat(file.path)));
      return files.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...files.map(({ size }) => size));
    },
    checkpointPath: (step) => join(checkpointFolder, `step-${step}.safetensors`),
    async pruneCheckpoints(keep) {
      const files = await checkpoints();
      for (const { path: file } of files.slice(0, -keep)) await removeFile(file);
    },
    setAside: ({ path: file }) => withFileErrors('train', file, 'be set aside', rename(file, `${file}.damaged`)),
  };
}

async function removeFile(path: string): Promise<void> {
  await withFileErrors('train', path, 'be deleted', rm(path, { force: true }));
}

async function makeFolder(path: string): Promise<void> {
  await withFileErrors('train', path, 'be a folder', mkdir(path, { recursive: true }));
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
