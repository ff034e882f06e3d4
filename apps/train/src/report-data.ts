import type { Collisions } from '@vqkit/tokens';
import type { CodeHistogram, CodeUse, LatentHistograms, MetricsRecord, Quality } from '@vqkit/training';
import type { TrainConfig } from './train-options.ts';

/** One thing that the diagnosis found wrong with the run. */
export interface Finding {
  /** Short name, such as `collapse`. */
  readonly name: string;
  readonly severity: 'warning' | 'critical';
  /** What was seen, with the numbers. */
  readonly message: string;
  /** What to try. */
  readonly remedy: string;
  /** What to type next, where one command tries it. */
  readonly command?: string;
}

/** The test at the end of a run: summary.json of the run folder. */
export interface RunSummary {
  readonly quantizer: string;
  readonly data: string;
  readonly seed: number;
  readonly steps: number;
  readonly trainExamples: number;
  readonly validationExamples: number;
  readonly testExamples: number;
  /** Files of an image folder that could not be read and were left out. */
  readonly skippedExamples: number;
  readonly parameters: number;
  readonly test: { readonly quality: Quality; readonly codes: CodeUse };
  /** Of pictures: the same test examples in as many bits without a tokenizer, see `plainShrink` of @vqkit/metrics. */
  readonly plain?: Quality | undefined;
  readonly elapsedSeconds: number;
  /** Training alone, without validation, checkpoints and the test, since the start or the last resume. null without a step. */
  readonly stepsPerSecond: number | null;
  readonly engine: string;
  /** Of vectors. */
  readonly ids?: RowIdsSummary | undefined;
}

/** The ids that the rows of a file of vectors got: ids.parquet of the run folder. */
export interface RowIdsSummary {
  /** Of a row: one more than there are codebooks where a last one tells rows apart. */
  readonly columns: number;
  readonly collisions: Collisions;
}

/** What a report shows of examples, by the kind of data. */
export interface Shown {
  readonly images?: ImagePairs | undefined;
  readonly ids?: RowIdsSummary | undefined;
  readonly audio?: AudioShown | undefined;
}

/** Recordings of the test, and how the codes of the first codebook are used in silence and in sound. */
export interface AudioShown {
  readonly sampleRate: number;
  readonly channels: number;
  readonly clips: readonly HeardClip[];
  readonly silence: CodesUsed;
  readonly sound: CodesUsed;
}

interface CodesUsed {
  readonly tokens: number;
  readonly used: number;
  readonly perplexity: number;
}

/** A recording and its reconstruction: files of sound and spectrograms, WAV and PNG in base64. */
export interface HeardClip {
  readonly name: string;
  readonly siSdrDb: number | null;
  readonly original: string;
  readonly reconstruction: string;
  readonly originalPicture: string;
  readonly reconstructionPicture: string;
}

/** The first test images and their reconstructions: `count` images of height × width × channels, row-major, in [-1, 1]. */
export interface ImagePairs {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly originals: readonly number[];
  readonly reconstructions: readonly number[];
}

/** Everything that the report shows of one run: report-data.json of the run folder. */
export interface ReportData {
  readonly formatVersion: 1;
  readonly config: TrainConfig;
  readonly summary: RunSummary;
  readonly history: readonly MetricsRecord[];
  /** Of a run on images. */
  readonly images?: ImagePairs | undefined;
  /** Of a run on sound. */
  readonly audio?: AudioShown | undefined;
  /** One per codebook, over the whole test set. */
  readonly histograms: readonly CodeHistogram[];
  /** Absent in reports of earlier versions. */
  readonly latents?: LatentHistograms | undefined;
  /** Empty when nothing is wrong. */
  readonly diagnosis: readonly Finding[];
}
