import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { removePartialFiles, writeFileAtomic } from '@vqkit/checkpoint/node';
import { DataError, OptionError, phrase, requireInteger, requireKnownOptions, show } from '@vqkit/core-tensor';
import { generateDocs } from './docs.ts';
import { readEnvironment } from './environment.ts';
import type { ExperimentContext } from './experiment.ts';
import { answerPage, plotFile } from './page.ts';
import { openPartStore } from './parts.ts';
import { ANSWERS, RESULTS, ROOT } from './paths.ts';
import { plotToSvg } from './plot.ts';
import { findPython } from './python.ts';
import { type ExperimentEntry, experiments, findExperiments } from './registry.ts';
import {
  checkedOutcome,
  RESULT_VERSION,
  type Result,
  type ResultPart,
  readStored,
  type StoredResult,
  storedText,
} from './result.ts';

export interface BenchOptions {
  /** A run of minutes: fewer steps, one seed, smaller sizes. Its results go to a folder of their own. Default false. */
  readonly quick?: boolean | undefined;
  /** Seeds of random training, integers >= 0. Default 1, 2, 3; when quick 1. */
  readonly seeds?: readonly number[] | undefined;
  /** A Python that has torch and vector-quantize-pytorch. Default one on the PATH that has both, else those peers are not measured. */
  readonly python?: string | undefined;
  /** Folder with the data of the experiments that need some. */
  readonly data?: string | undefined;
  /** Where the results go. Default apps/bench/results, when quick results/quick in it. */
  readonly out?: string | undefined;
  /** A folder for what every part measures in full: traces of trainings, each repetition. Default none: it is not kept. */
  readonly raw?: string | undefined;
  /** Forgets the parts of a run that was killed. Default false: it goes on. */
  readonly fresh?: boolean | undefined;
  /**
   * Takes over the parts that the present result has with the same settings, measures the others, and makes tables, plots and texts
   * anew. Default false: everything is measured again.
   */
  readonly reuse?: boolean | undefined;
}

/** What a caller may watch. */
export interface BenchHooks {
  onStart?(info: { experiment: string; question: string; parts: number | undefined }): void;
  onPart?(event: { name: string; state: 'started' | 'done' | 'remembered'; seconds: number }): void;
  onProgress?(share: number): void;
  onLog?(line: string): void;
  onDone?(info: { experiment: string; result: Result; files: readonly string[] }): void;
}

/**
 * Runs experiments one after another and writes for each results/<name>.json, its plots and its page.
 *
 * A run that was killed goes on with the parts that are missing; old results stay until the new ones are whole.
 *
 * @param names of the experiments, or `all`.
 * @throws OptionError for an unknown name or a bad option, before anything runs; what an experiment throws, with its parts kept.
 */
export async function runBenchmarks(
  names: readonly string[],
  options: BenchOptions = {},
  hooks: BenchHooks = {},
  known: readonly ExperimentEntry[] = experiments,
): Promise<Result[]> {
  requireKnownOptions('bench', options, ['quick', 'seeds', 'python', 'data', 'out', 'raw', 'fresh', 'reuse']);
  const { quick = false, data } = options;
  const seeds = options.seeds ?? (quick ? [1] : [1, 2, 3]);
  for (const [i, seed] of seeds.entries()) requireInteger('bench', `seeds[${i}]`, seed, 0, 2 ** 31 - 1);
  if (seeds.length === 0 || new Set(seeds).size !== seeds.length) {
    throw new OptionError('bench', 'seeds', 'be different numbers, at least one', seeds, 'Pass for example 1,2,3.');
  }
  const entries = findExperiments(names, known);
  if (data !== undefined) await requireFolder(data);
  const peer = await findPython(options.python);
  const folder = options.out === undefined ? (quick ? join(RESULTS, 'quick') : RESULTS) : resolve(options.out);
  const environment = readEnvironment(peer === undefined ? null : withoutPath(peer));

  if (environment.load !== null && environment.load > environment.cores / 2) {
    hooks.onLog?.(
      `The machine is busy (load ${environment.load} on ${environment.cores} cores): times will be too long.`,
    );
  }
  const runOne = async (entry: ExperimentEntry): Promise<Result> => {
    const experiment = await entry.load();
    const path = join(folder, `${entry.name}.json`);
    const earlier = await readEarlier(path);
    const store = openPartStore({
      folder: join(folder, '.parts', entry.name),
      surroundings: surroundingsOf({ quick, environment }),
      rawFolder: options.raw === undefined ? undefined : join(resolve(options.raw), entry.name),
      earlier: options.reuse === true ? reusableParts(earlier, { quick, environment }) : undefined,
      ...(hooks.onPart === undefined ? {} : { onPart: hooks.onPart }),
    });
    if (options.fresh === true) await store.clear();
    const context: ExperimentContext = {
      quick,
      seeds,
      cores: environment.cores,
      python: peer?.path,
      dataDir: data === undefined ? undefined : resolve(data),
      part: store.part,
      log: (line) => hooks.onLog?.(line),
      progress: (share) => hooks.onProgress?.(share),
    };
    hooks.onStart?.({
      experiment: entry.name,
      question: experiment.question,
      parts: await experiment.parts?.(context),
    });
    const outcome = checkedOutcome(entry.name, await experiment.run(context));
    const parts = store.parts();
    const result: Result = {
      version: RESULT_VERSION,
      experiment: entry.name,
      question: experiment.question,
      method: experiment.method,
      expected: experiment.expected,
      command: commandOf(entry.name, options, seeds),
      quick,
      seeds,
      date: new Date().toISOString(),
      seconds: Math.round(parts.reduce((sum, part) => sum + part.seconds, 0)),
      environment,
      parts,
      outcome,
      ...(options.reuse === true && earlier !== undefined ? measuredThen(earlier, parts, environment) : {}),
    };
    const files = await writeResult(result, folder);
    await store.clear();
    hooks.onDone?.({ experiment: entry.name, result, files });
    return result;
  };

  const results: Result[] = [];
  const failures: string[] = [];
  for (const entry of entries) {
    try {
      results.push(await runOne(entry));
    } catch (error) {
      // Of several the others still run.
      if (entries.length === 1) throw error;
      failures.push(`${entry.name}: ${(error as Error).message}`);
      hooks.onLog?.(`${entry.name} failed: ${(error as Error).message}`);
    }
  }
  if (failures.length === 0) return results;
  throw new DataError(
    'bench',
    `all ${entries.length} experiments`,
    'end',
    phrase(`${failures.length} failed: ${failures.join(' ')}`, failures),
    'The results of the others are written, and their finished parts are kept.',
  );
}

/** Writes a result with its plots and page; the JSON last, because it says that the rest is there. */
async function writeResult(result: Result, folder: string): Promise<string[]> {
  const { outcome, ...stored } = result;
  const { experiment } = stored;
  await mkdir(folder, { recursive: true });
  await removePartialFiles(folder);
  const isFull = folder === RESULTS;
  const answers = isFull ? ANSWERS : join(folder, 'answers');
  await mkdir(answers, { recursive: true });
  const files: string[] = [];
  const write = async (path: string, content: string | Uint8Array): Promise<void> => {
    await writeFileAtomic(path, content);
    files.push(relative(ROOT, path).startsWith('..') ? path : relative(ROOT, path));
  };
  for (const plot of outcome.plots) {
    await write(join(folder, `${plotFile(experiment, plot.name)}.svg`), await plotToSvg(plot));
  }
  await write(join(answers, `${experiment}.md`), answerPage(result, answers, folder));
  await write(join(folder, `${experiment}.json`), storedText(stored));
  if (isFull) files.push(...(await generateDocs()));
  return files;
}

/** The result that is there. A results file of another version is not overwritten: it may be all there is of a long run. */
async function readEarlier(path: string): Promise<StoredResult | undefined> {
  const exists = await readFile(path).then(
    () => true,
    () => false,
  );
  return exists ? readStored(path) : undefined;
}

/** What every part depends on beside its settings. */
function surroundingsOf({ quick, environment }: Pick<StoredResult, 'quick' | 'environment'>): Record<string, unknown> {
  return { quick, node: environment.node, cpu: environment.cpu, python: environment.python };
}

/** The parts of an earlier result, each with the run that it comes from. */
function reusableParts(
  earlier: StoredResult | undefined,
  now: Pick<StoredResult, 'quick' | 'environment'>,
): readonly ResultPart[] | undefined {
  if (earlier === undefined) return undefined;
  const [then, here] = [surroundingsOf(earlier), surroundingsOf(now)];
  const other = Object.keys(here).find((name) => JSON.stringify(then[name]) !== JSON.stringify(here[name]));
  if (other !== undefined) {
    throw new OptionError(
      'bench',
      'the result to reuse',
      `be of the same Node, processor and peers, with ${other} ${show(here[other])}`,
      then[other],
      'Leave --reuse out: all is measured again.',
    );
  }
  const { date, environment } = earlier;
  return earlier.parts.map((part) => ({ ...part, from: part.from ?? { date, commit: environment.commit } }));
}

/** Where only the texts are new, it is still the measurement of then; else the machine was as busy as in the busier of the runs. */
function measuredThen(
  earlier: StoredResult,
  parts: readonly ResultPart[],
  environment: StoredResult['environment'],
): Partial<StoredResult> {
  if (parts.some(({ from }) => from === undefined)) {
    return { environment: { ...environment, load: Math.max(environment.load ?? 0, earlier.environment.load ?? 0) } };
  }
  const { date, command, environment: then } = earlier;
  return {
    date,
    command,
    environment: then,
    parts: parts.map((part) => earlier.parts.find(({ name }) => name === part.name) ?? part),
  };
}

async function requireFolder(path: string): Promise<void> {
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (isFolder) return;
  throw new DataError(
    'bench',
    'data',
    'be a folder that exists',
    path,
    'Correct the path, or leave --data out for the data that come along.',
  );
}

function withoutPath({
  python,
  torch,
  vectorQuantizePytorch,
}: Result['environment']['python'] & object): NonNullable<Result['environment']['python']> {
  return { python, torch, vectorQuantizePytorch };
}

/** What to type, without paths of this machine. */
function commandOf(
  name: string,
  { quick, seeds: given, python, data }: BenchOptions,
  seeds: readonly number[],
): string {
  return [
    `pnpm bench ${name}`,
    ...(quick === true ? ['--quick'] : []),
    ...(given === undefined ? [] : [`--seeds ${seeds.join(',')}`]),
    ...(python === undefined ? [] : ['--python PYTHON']),
    ...(data === undefined ? [] : ['--data FOLDER']),
  ].join(' ');
}
