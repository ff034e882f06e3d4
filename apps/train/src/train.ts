import { requireWritableFolder } from '@vqkit/checkpoint/node';
import { limitParameters, OptionError, QuantizerError, reason, shorten, show } from '@vqkit/core-tensor';
import { Interrupted } from '@vqkit/data';
import type { Tokenizer } from '@vqkit/tokenizer';
import {
  type CodesEvent,
  DivergenceError,
  type FitOrder,
  type Quality,
  type TrainingEvent,
  trainLoop,
} from '@vqkit/training';
import { collectReportData, diagnoseRun } from './collect-report.ts';
import { createConfig } from './config.ts';
import { resolveDiscriminator } from './discriminator.ts';
import { drain } from './drain.ts';
import { startEngine } from './engine.ts';
import { modalityOf } from './modalities.ts';
import type { ExampleSets, HarnessModality } from './modality.ts';
import { writeReport } from './report/index.ts';
import type { RunSummary } from './report-data.ts';
import { createRunFolder, openRunFolder, type RunFolder, readNewestCheckpoint, requireNoRun } from './run-folder.ts';
import { CHANGEABLE, firstDifference, requireSameRun, runNotes } from './run-notes.ts';
import { createRunState, disposeRunState, estimateRun } from './run-state.ts';
import { createSnapshotKeeper } from './snapshot.ts';
import { openTensorboardLog } from './tensorboard/log.ts';
import type { TrainConfig, TrainOptions } from './train-options.ts';
import { type RunState, readCheckpoint, requireResumableRun, writeCheckpoint } from './training-state.ts';

/** What a caller of {@link train} may watch and stop. */
export interface TrainHooks {
  /** Everything is ready and the next step is `step`. */
  onStart?(info: StartInfo): void;
  /** Whatever happens: a step, a line of metrics.jsonl, a checkpoint once it is written, the examples and the diagnosis of the test. */
  onEvent?(event: TrainingEvent): void;
  /** Something the user should know: a skipped image, a damaged checkpoint. */
  onWarning?(message: string): void;
  /** Aborting it stops reading the data, or training after the current step, with a checkpoint, or the test at the end. */
  readonly signal?: AbortSignal | undefined;
}

export interface StartInfo {
  /** Steps done before: 0, or where a resumed run goes on. */
  readonly step: number;
  readonly steps: number;
  /** About how many seconds the steps that are left take on this machine; undefined where nothing runs a network step by step. */
  readonly estimatedSeconds: number | undefined;
  readonly folder: string;
  readonly engine: string;
  readonly parameters: number;
  readonly trainExamples: number;
  readonly validationExamples: number;
  readonly testExamples: number;
  /** What an example is called, `image`. */
  readonly noun: string;
  /** A quality in a few words, `21.20 dB`. */
  readonly qualityText: (quality: Quality) => string;
}

/** How a call ended. */
export type TrainResult =
  | { readonly status: 'finished'; readonly folder: string; readonly summary: RunSummary }
  | {
      readonly status: 'interrupted';
      /** The run to go on with, and the steps done, which a checkpoint holds. Neither when it was stopped before it began to train. */
      readonly folder?: string;
      readonly step?: number;
    };

/**
 * Trains a tokenizer, tests it and writes everything into the run folder `config.outDir`.
 *
 * The same configuration gives the same weights, bit for bit, on the same engine and machine.
 *
 * @throws OptionError when an option breaks its rule or the folder already holds a run; DataError for unusable data; DivergenceError
 * when a loss, gradient or weight is not finite (the run folder then has failure.json and the last good checkpoint).
 * @example
 * const result = await train(createConfig({ quantizer: 'fsq', steps: 20, outDir: 'runs/first' }));
 */
export async function train(config: TrainConfig, hooks: TrainHooks = {}): Promise<TrainResult> {
  await requireNoRun(config.outDir);
  await requireWritableFolder('train', config.outDir);
  let folder: RunFolder | undefined;
  try {
    return await run(config, hooks, undefined, async (complete) => {
      folder = await createRunFolder(complete.outDir);
      return folder;
    });
  } finally {
    folder?.release();
  }
}

/**
 * Goes on with the run in `path` from its newest usable checkpoint, exactly: a run that was killed and resumed ends with the same
 * weights, bit for bit, as one that was not.
 *
 * @param changes new values of {@link CHANGEABLE} options, such as more steps.
 * @throws OptionError when there is no run, another process trains there, or another option is to change; CheckpointError when every checkpoint is damaged.
 */
export async function resumeTraining(
  path: string,
  changes: TrainOptions = {},
  hooks: TrainHooks = {},
): Promise<TrainResult> {
  const { folder, config: stored } = await openRunFolder(path);
  try {
    // All options of a preset are written out; today's may have others.
    const { preset } = stored;
    const quantizerOptions = { ...stored.quantizerOptions, ...changes.quantizerOptions };
    const config = {
      ...createConfig({ ...stored, ...changes, quantizerOptions, preset: undefined }, 'resumeTraining'),
      preset,
      outDir: path,
    };
    const { outDir = path } = changes;
    requireChangeable({ ...stored, outDir: path }, { ...config, preset: changes.preset ?? preset, outDir }, changes);
    await requireResumableRun(await folder.checkpoints());
    // What a config.json of unknown origin asks for is bounded by what was stored, before it is checked against it.
    const numbers = Math.floor((await folder.largestCheckpoint()) / 4);
    const recreate: Recreate = (create) => {
      try {
        return limitParameters(numbers, create);
      } catch (error) {
        if (!(error instanceof QuantizerError)) throw error;
        throw new OptionError(
          'resumeTraining',
          folder.filePath('config.json'),
          'describe the model that the run was begun with',
          reason(error),
          'Put it back, or start a new run.',
          { cause: error },
        );
      }
    };
    return await run(config, hooks, recreate, async () => folder);
  } finally {
    folder.release();
  }
}

function requireChangeable(stored: TrainConfig, config: TrainConfig, changes: TrainOptions): void {
  const values = (of: object): Readonly<Record<string, unknown>> => ({ ...of });
  // A cosine goes by the steps of the whole training.
  const decided = stored.schedule === 'cosine' ? ['steps'] : [];
  const free = CHANGEABLE.filter((name) => !decided.includes(name));
  for (const key of Object.keys(changes)) {
    if (free.some((name) => name === key)) continue;
    const changed = firstDifference(key, values(stored)[key], values(config)[key]);
    if (changed === undefined) continue;
    const { name, before, now } = changed;
    throw new OptionError(
      'resumeTraining',
      shorten(name),
      `stay ${show(before)} in a resumed run`,
      now,
      `Start a new run, or change only ${free.join(', ')}.`,
    );
  }
}

/** Makes a part of a run as it was begun, within what was stored of it. */
type Recreate = <T>(create: () => T) => T;

/**
 * Makes what a run needs, trains, and frees it. The folder is opened last, so that bad options and data leave none behind. Its
 * configuration is whole: what the engine, the data and the quantizer's constructor decided stands in it too, and a resumed run has it again.
 */
async function run(
  given: TrainConfig,
  hooks: TrainHooks,
  recreate: Recreate | undefined,
  open: (config: TrainConfig) => Promise<RunFolder>,
): Promise<TrainResult> {
  const modality = modalityOf(given.data);
  const started = await startEngine(given, modality.options.archs[given.arch].fastest);
  const data = await modality.read(given, hooks).catch(ifInterrupted);
  if (data === undefined) return { status: 'interrupted' };
  try {
    return await runOn(data, given, hooks, recreate, open, modality, started);
  } finally {
    data.close?.();
  }
}

/** The same once its data are open. */
async function runOn(
  data: ExampleSets,
  given: TrainConfig,
  hooks: TrainHooks,
  recreate: Recreate | undefined,
  open: (config: TrainConfig) => Promise<RunFolder>,
  modality: HarnessModality,
  started: Awaited<ReturnType<typeof startEngine>>,
): Promise<TrainResult> {
  for (const { file, reason } of data.skipped) hooks.onWarning?.(`Skipped ${file}: ${reason}`);
  const create = (): Tokenizer => modality.create(given, data, recreate === undefined);
  const model = recreate === undefined ? create() : recreate(create);
  const order = modality.order?.(given, model, data);
  const steps = given.steps === 0 && order !== undefined ? { steps: order.steps } : {};
  const whole = { ...given, ...started, ...data.options, ...modality.resolved(model), ...steps } as TrainConfig;
  let state: RunState | undefined;
  try {
    const config = resolveDiscriminator(whole);
    const begin = (): RunState => createRunState(config, model, data.scoring ?? modality, data);
    state = recreate === undefined ? begin() : recreate(begin);
    const folder = await open(config);
    return await trainIn(folder, { config, hooks, modality, data, order, state });
  } finally {
    if (state !== undefined) disposeRunState(state);
    model.dispose();
    data.scoring?.dispose();
  }
}

interface Session {
  readonly config: TrainConfig;
  readonly hooks: TrainHooks;
  readonly modality: HarnessModality;
  readonly data: ExampleSets;
  readonly order: FitOrder | undefined;
  readonly state: RunState;
}

/** The training itself. */
async function trainIn(folder: RunFolder, session: Session): Promise<TrainResult> {
  const { config, hooks, modality, data, order, state } = session;
  const { steps } = config;
  const notes = runNotes(config, state.model.config, data.notes());
  const source = config.dataPath ?? config.data;
  const warn = (message: string): void => hooks.onWarning?.(message);

  const read = (path: string): Promise<number> =>
    readCheckpoint(path, state, (metadata) => requireSameRun(path, metadata, notes, source, modality.shown.noun));
  const reached = await readNewestCheckpoint(folder, read, warn);
  if (reached !== undefined && reached > steps) {
    throw new OptionError('train', 'steps', `be >= the ${reached} steps done`, steps, 'Pass more steps.');
  }
  // Not before: a change that was refused must leave the run as it was.
  await folder.writeJson('config.json', config);
  const history = await folder.cutMetrics(reached ?? -1, warn);
  await folder.removeFile('failure.json');
  const log =
    config.log === undefined
      ? undefined
      : await openTensorboardLog(folder.filePath('tensorboard'), { reached, history, shown: modality.shown, config });
  const snapshots = await createSnapshotKeeper(folder.path, reached, (examples, most) =>
    modality.shown.excerpt === undefined ? examples : modality.shown.excerpt(examples, config, most),
  );
  let codes: CodesEvent | undefined;
  const keep = async (event: TrainingEvent): Promise<void> => {
    if (event.kind === 'train' || event.kind === 'validation') {
      history.push(event);
      await folder.appendMetrics(event);
    } else if (event.kind === 'codes') {
      codes = event;
    } else if (event.kind === 'examples' && codes !== undefined) {
      const found = diagnoseRun(config, state.model.quantizer, codes.tracker, history);
      await snapshots.keep(codes, found, event);
    } else if (event.kind === 'checkpoint') {
      await writeCheckpoint(folder.checkpointPath(event.step), state, event.step, notes);
      await folder.pruneCheckpoints(config.keepCheckpoints);
    }
    await log?.write(event);
    hooks.onEvent?.(event);
  };

  const isNetwork = order === undefined && steps > (reached ?? 0);
  const estimatedSeconds = isNetwork ? await estimateRun(state, modality, data, config, reached) : undefined;
  hooks.onStart?.({ ...startInfo(folder, session, reached ?? 0), estimatedSeconds });
  const { train, validation } = data;
  const loop = trainLoop({
    options: config,
    state,
    modality: data.scoring ?? modality,
    train,
    validation,
    order,
    reached,
    elapsedSeconds: history.at(-1)?.elapsedSeconds,
    signal: hooks.signal,
  });
  const { status, step, elapsedSeconds, stepsPerSecond } = await drain(loop, keep).catch(async (error) => {
    if (error instanceof DivergenceError) await writeFailure(folder, error);
    throw error;
  });
  if (status === 'interrupted') return { status, folder: folder.path, step };

  const tested: TrainingEvent[] = [];
  const report = await collectReportData({
    config,
    model: state.model,
    ema: state.ema,
    data,
    folder: folder.path,
    history,
    elapsedSeconds,
    stepsPerSecond,
    signal: hooks.signal,
    onEvent(event) {
      if (event.kind !== 'test') tested.push(event);
      hooks.onEvent?.(event);
    },
  }).catch(ifInterrupted);
  if (report === undefined) return { status: 'interrupted', folder: folder.path, step };
  for (const event of tested) await log?.write(event);
  await log?.writeNumbers(config.steps, 'test', report.summary.test);
  await folder.writeJson('summary.json', report.summary);
  await folder.writeJson('report-data.json', report);
  await modality.shown.write(folder.path);
  await writeReport([folder.path], folder.filePath('report.html'));
  return { status: 'finished', folder: folder.path, summary: report.summary };
}

function ifInterrupted(error: unknown): undefined {
  if (!(error instanceof Interrupted)) throw error;
}

function startInfo(
  folder: RunFolder,
  { config, modality, data, state }: Session,
  step: number,
): Omit<StartInfo, 'estimatedSeconds'> {
  return {
    step,
    steps: config.steps,
    folder: folder.path,
    engine: config.engine,
    parameters: Object.values(state.model.variables()).reduce((sum, variable) => sum + variable.size, 0),
    trainExamples: data.train.count,
    validationExamples: data.validation.count,
    testExamples: data.test.count,
    noun: modality.shown.noun,
    qualityText: modality.shown.progress,
  };
}

async function writeFailure(folder: RunFolder, error: DivergenceError): Promise<void> {
  const last = (await folder.checkpoints()).at(-1);
  await folder.writeJson('failure.json', {
    reason: error.message,
    tensor: error.tensor,
    stepsDone: error.step,
    lastGoodCheckpoint: last?.path ?? null,
  });
}
