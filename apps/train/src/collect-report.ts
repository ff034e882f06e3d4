import { range, tidy } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import { countSkipped } from '@vqkit/data/node';
import { type CodebookRank, type Diagnosis, diagnose, type TrackerReport, usedCodebookRank } from '@vqkit/metrics';
import { quantizerEntry } from '@vqkit/quantizers';
import { asInUse, type MetricsRecord, type TrainingEvent, type TrainingState } from '@vqkit/training';
import { findingsOf } from './findings.ts';
import { modalityOf } from './modalities.ts';
import type { ExampleSets, Tested, TestRun } from './modality.ts';
import type { Finding, ReportData, RunSummary } from './report-data.ts';
import type { TrainConfig } from './train-options.ts';

/** A codebook is looked at as a whole up to this many numbers. */
const MAX_CODEBOOK_ELEMENTS = 2 ** 22;

/** A finished run as {@link collectReportData} takes it. */
export interface FinishedRun extends Omit<TestRun, 'data'>, Pick<TrainingState, 'ema'> {
  readonly data: Omit<ExampleSets, 'notes'>;
  readonly history: readonly MetricsRecord[];
  readonly elapsedSeconds: number;
  readonly stepsPerSecond: number | null;
  /** Gets the examples, how far the test is, and the diagnosis. */
  readonly onEvent?: ((event: TrainingEvent) => void) | undefined;
}

/** Runs the test and gathers everything that the report of a run shows. */
export async function collectReportData(run: FinishedRun): Promise<ReportData> {
  const { config, model, history, data } = run;
  const { steps } = config;
  const examples = data.test.count;
  const onExamples = (done: number): void => run.onEvent?.({ kind: 'test', step: steps, done, examples });
  const modality = modalityOf(config.data);
  const tested = await asInUse(run, () => modality.test({ ...run, data: run.data as ExampleSets, onExamples }));
  const { evaluation, shown } = tested;
  if (evaluation.pairs.count > 0) run.onEvent?.({ kind: 'examples', of: 'test', step: steps, pairs: evaluation.pairs });
  const rank = await codebookRank(config, model.quantizer, evaluation.histograms[0]?.codes ?? []);
  return {
    formatVersion: 1,
    config,
    summary: summarize(run, tested, rank),
    history,
    ...(shown.images === undefined ? {} : { images: shown.images }),
    ...(shown.audio === undefined ? {} : { audio: shown.audio }),
    histograms: evaluation.histograms,
    latents: evaluation.latents,
    diagnosis: findings(run, tested, rank),
  };
}

function summarize(run: FinishedRun, { evaluation, shown, plain }: Tested, rank: CodebookRank | undefined): RunSummary {
  const { config, model, data, elapsedSeconds, stepsPerSecond } = run;
  const { quality, codes } = evaluation;
  return {
    quantizer: config.quantizer,
    data: config.data,
    seed: config.seed,
    steps: config.steps,
    trainExamples: data.train.count,
    validationExamples: data.validation.count,
    testExamples: data.test.count,
    skippedExamples: countSkipped(data.skipped),
    parameters: Object.values(model.variables()).reduce((sum, variable) => sum + variable.size, 0),
    test: { quality, codes: { ...codes, statistics: { ...codes.statistics, ...rankStatistics(rank) } } },
    elapsedSeconds,
    stepsPerSecond,
    engine: config.engine,
    ...(plain === undefined ? {} : { plain }),
    ...(shown.ids === undefined ? {} : { ids: shown.ids }),
  };
}

function rankStatistics(rank: CodebookRank | undefined): Record<string, number> {
  return rank === undefined ? {} : { effectiveRank: rank.effectiveRank, maximumRank: rank.maximum };
}

function findings(
  { config, model: { quantizer }, history, onEvent }: FinishedRun,
  { evaluation: { tracker, codes, quality }, shown, plain }: Tested,
  rank: CodebookRank | undefined,
): Finding[] {
  const found = diagnoseRun(config, quantizer, tracker, history, rank);
  onEvent?.({ kind: 'diagnosis', step: config.steps, found });
  return findingsOf(found, { config, codes, quality, plain, shown, history });
}

/** The diagnosis of a run by what a validation or the test saw. */
export function diagnoseRun(
  { quantizer: name }: Pick<TrainConfig, 'quantizer'>,
  { config }: Quantizer,
  report: TrackerReport,
  history: readonly MetricsRecord[],
  rank?: CodebookRank,
): Diagnosis[] {
  return diagnose(sinceStart(report, history), {
    method: quantizerEntry(name),
    rotationTrick: (config as { rotationTrick?: boolean }).rotationTrick === true,
    rank,
  });
}

/** The tracker saw the test only; growth of the latents counts from the validation before the first step. */
function sinceStart(report: TrackerReport, history: readonly MetricsRecord[]): TrackerReport {
  const first = history.find((record) => record.kind === 'validation' && record.step === 0);
  const initialRms = first?.kind === 'validation' ? first.codes.statistics.latentRms : undefined;
  if (report.latents === undefined || initialRms === undefined) return report;
  return { ...report, latents: { ...report.latents, initialRms } };
}

/** Only for learned codebooks: those of LFQ and FSQ are fixed grids. */
async function codebookRank(
  { quantizer: name }: TrainConfig,
  quantizer: Quantizer,
  used: readonly number[],
): Promise<CodebookRank | undefined> {
  const { codebookSize, numCodebooks, dim } = quantizer;
  const learned = quantizerEntry(name).learnsCodes && numCodebooks === 1;
  if (!learned || codebookSize * dim > MAX_CODEBOOK_ELEMENTS) return undefined;
  const codes = tidy(() => quantizer.decode(range(0, codebookSize, 1, 'int32')));
  const data = (await codes.data()) as Float32Array;
  codes.dispose();
  return usedCodebookRank(data, Int32Array.from(used), dim);
}
