import { range, tidy } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import type { Dataset } from '@vqkit/data/node';
import { countSkipped } from '@vqkit/data/node';
import { type CodebookRank, diagnose, type TrackerReport, usedCodebookRank } from '@vqkit/metrics';
import { quantizerEntry } from '@vqkit/quantizers';
import type { ImageTokenizer } from '@vqkit/tokenizer';
import {
  type Evaluation,
  type ExamplePairs,
  evaluate,
  type MetricsRecord,
  type Modality,
  type TrainingEvent,
} from '@vqkit/training';
import { findingsOf } from './findings.ts';
import type { Finding, ImagePairs, ReportData, RunSummary } from './report-data.ts';
import { PAIRS } from './report-schema.ts';
import type { TrainConfig } from './train-options.ts';

/** A codebook is looked at as a whole up to this many numbers. */
const MAX_CODEBOOK_ELEMENTS = 2 ** 22;

/** A finished run as {@link collectReportData} takes it. */
export interface FinishedRun {
  readonly config: TrainConfig;
  readonly modality?: Modality | undefined;
  readonly model: ImageTokenizer;
  readonly data: Dataset;
  readonly history: readonly MetricsRecord[];
  readonly elapsedSeconds: number;
  readonly stepsPerSecond: number | null;
  readonly signal?: AbortSignal | undefined;
  /** Gets the examples and the diagnosis. */
  readonly onEvent?: ((event: TrainingEvent) => void) | undefined;
}

/** Runs the test and gathers everything that the report of a run shows. */
export async function collectReportData(run: FinishedRun): Promise<ReportData> {
  const { config, model, data, history } = run;
  const evaluation = await evaluate(model, data.test, {
    batchSize: config.batchSize,
    step: config.steps,
    keepPairs: PAIRS,
    modality: run.modality,
    signal: run.signal,
  });
  run.onEvent?.({ kind: 'examples', step: config.steps, pairs: evaluation.pairs });
  const images = imagePairs(evaluation.pairs);
  const rank = await codebookRank(config, model.quantizer, evaluation.histograms[0]?.codes ?? []);
  return {
    formatVersion: 1,
    config,
    summary: summarize(run, evaluation, rank),
    history,
    images,
    histograms: evaluation.histograms,
    diagnosis: findings(run, evaluation, images, rank),
  };
}

function summarize(run: FinishedRun, { quality, codes }: Evaluation, rank: CodebookRank | undefined): RunSummary {
  const { config, model, data, elapsedSeconds, stepsPerSecond } = run;
  return {
    quantizer: config.quantizer,
    data: config.data,
    seed: config.seed,
    steps: config.steps,
    trainImages: data.train.count,
    validationImages: data.validation.count,
    testImages: data.test.count,
    skippedImages: countSkipped(data.skipped),
    parameters: Object.values(model.variables()).reduce((sum, variable) => sum + variable.size, 0),
    test: { quality, codes: { ...codes, statistics: { ...codes.statistics, ...rankStatistics(rank) } } },
    elapsedSeconds,
    stepsPerSecond,
    engine: config.engine,
  };
}

function rankStatistics(rank: CodebookRank | undefined): Record<string, number> {
  return rank === undefined ? {} : { effectiveRank: rank.effectiveRank, maximumRank: rank.maximum };
}

function findings(
  { config, model: { quantizer }, history, onEvent }: FinishedRun,
  { tracker, codes }: Evaluation,
  pairs: ImagePairs,
  rank: CodebookRank | undefined,
): Finding[] {
  const found = diagnose(sinceStart(tracker, history), {
    method: quantizerEntry(config.quantizer),
    rotationTrick: (quantizer.config as { rotationTrick?: boolean }).rotationTrick === true,
    rank,
  });
  onEvent?.({ kind: 'diagnosis', step: config.steps, found });
  return findingsOf(found, { config, codes, pairs, history });
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

function imagePairs({ shape: [height = 0, width = 0, channels = 0], ...pairs }: ExamplePairs): ImagePairs {
  const { count, originals, reconstructions } = pairs;
  return { count, height, width, channels, originals, reconstructions };
}
