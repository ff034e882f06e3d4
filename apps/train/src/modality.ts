import type { DataNotes, SkippedImage } from '@vqkit/data/node';
import type { Tokenizer } from '@vqkit/tokenizer';
import type {
  Evaluation,
  ExamplePairs,
  Examples,
  ExamplesEvent,
  FitOrder,
  MetricsRecord,
  Modality,
  Quality,
} from '@vqkit/training';
import type { z } from 'zod';
import type { Html } from './report/html.ts';
import type { Run } from './report/read-run.ts';
import type { Row } from './report/row.ts';
import type { Finding, RunSummary, Shown } from './report-data.ts';
import type { Media } from './tensorboard/summaries.ts';
import type { PresetName, TrainConfig, TrainOptions } from './train-options.ts';

/**
 * A kind of data as the harness asks for it. It is four small things: how a tokenizer takes examples (`…Tensors` of @vqkit/tokenizer), how training scores them
 * (`…Modality` of @vqkit/training, which has the first), and here how they are read and how they are shown. All that is known of a kind of data is one entry of the registry, `modalities.ts`.
 */
export interface HarnessModality<Config extends TrainConfig = TrainConfig, Sets extends ExampleSets = ExampleSets>
  extends Modality {
  /** The values of the option `data` that are of this kind. */
  readonly data: readonly TrainConfig['data'][];
  readonly options: ModalityOptions<Config>;
  /** The presets that are of this kind. */
  readonly presets: readonly PresetName[];
  /** Training, validation and test examples. */
  read(config: Config, watch: ReadHooks): Promise<Sets>;
  /** The tokenizer to train; of a run that was begun before by its whole configuration, whatever today's recipe of the quantizer is. */
  create(config: Config, data: Sets, isNew: boolean): Tokenizer;
  /** The options that the constructors of a tokenizer decided. */
  resolved(model: Tokenizer): Partial<Config>;
  /** Which examples each step has, where that is not a new random order in every epoch. */
  order?(config: Config, model: Tokenizer, data: Sets): FitOrder | undefined;
  /** The test at the end, with whatever it writes into the run's folder. */
  test(run: TestRun<Config, Sets>): Promise<Tested>;
  readonly shown: ModalityShown;
}

/** What a user may say of a kind of data. */
export interface ModalityOptions<Config extends TrainConfig = TrainConfig> {
  /** The networks for it by the values of the option `arch`, the default first. */
  readonly archs: Readonly<Record<Config['arch'], ArchOptions<Config>>>;
  /** Those that no other kind has. */
  readonly own: Readonly<Record<string, z.ZodType>>;
  /** What stands where nothing is given. */
  defaults(given: TrainOptions): Partial<Config>;
  /**
   * @param wasGiven the value of an option that a user wrote, and that is not its default.
   * @throws OptionError where options do not go together.
   */
  check(where: string, config: Config, wasGiven: (name: keyof Config) => unknown): void;
}

/** A network as a user chooses it. */
interface ArchOptions<Config extends TrainConfig = TrainConfig> {
  /** What it is, for the help. */
  readonly text: string;
  /** Options that it alone has among the networks for its kind of data, or shares with a few. */
  readonly own: readonly (keyof Config)[];
  /** The engine that trains it faster than the first of all does. Default none. */
  readonly fastest?: 'wasm' | undefined;
}

/** What a caller may watch and stop while data are read. */
export interface ReadHooks {
  onWarning?(message: string): void;
  readonly signal?: AbortSignal | undefined;
}

/** The parts of the data of a run. */
export interface ExampleSets {
  readonly train: Examples;
  /** Held out of those; may be empty. */
  readonly validation: Examples;
  readonly test: Examples;
  /** How they are scored, where that depends on them. */
  readonly scoring?: (Modality & { dispose(): void }) | undefined;
  readonly skipped: readonly SkippedImage[];
  /** The options of a configuration that the data decided where they were not given. */
  readonly options: object;
  /** By what a resumed run knows its examples again. */
  notes(): DataNotes;
  /** Frees what reads them. */
  close?(): void;
}

/** A run whose training is done. */
export interface TestRun<Config extends TrainConfig = TrainConfig, Sets extends ExampleSets = ExampleSets> {
  readonly config: Config;
  readonly model: Tokenizer;
  readonly data: Sets;
  /** Where the run lies. */
  readonly folder: string;
  /** After every batch: examples done. */
  readonly onExamples?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a test gave. */
export interface Tested {
  readonly evaluation: Evaluation;
  /** What the report shows of examples. */
  readonly shown: Shown;
  /** The same examples in as many bits without a tokenizer, where there is a plain way. */
  readonly plain?: Quality | undefined;
}

/** How a run is shown: words, numbers, and examples. */
export interface ModalityShown {
  /** What an example is called, `image`. */
  readonly noun: string;
  /** One line about a test: `test L1 0.0312, PSNR 21.20 dB`. */
  text(summary: RunSummary): string;
  /** Of a validation, in a line of progress: `21.20 dB`. */
  progress(quality: Quality): string;
  /** Of the report's first sentence: `an L1 of 0.0312 and a PSNR of 21.2 dB`. */
  headline(quality: Quality): string;
  /** The rows of the report's table that are of this kind alone. */
  readonly rows: readonly Row[];
  /** The curve of validations. */
  readonly curve: {
    readonly title: string;
    readonly caption: string;
    readonly unit: string;
    value(quality: Quality): number | null;
  };
  /** The section of the report with examples, or with what became of them. */
  examples(runs: readonly Run[]): Promise<Html>;
  /** What shows in curves and examples beside the diagnosis. */
  findings(facts: FindingFacts): readonly (Finding | undefined)[];
  /** Examples and their reconstructions as pictures or sounds by name, for logs. */
  media?(pairs: ExamplePairs, config: TrainConfig): Promise<Readonly<Record<string, Media>>>;
  /** The first parts of examples that have more than so many numbers each, with their ids; only where a part of an example is one. */
  excerpt?(examples: ExamplesEvent, config: TrainConfig, most: number): ExamplesEvent;
  /** Writes examples into a finished run's folder. */
  write(folder: string): Promise<void>;
}

/** What a run may look at beside the statistics of its tokens. */
export interface FindingFacts<Config extends TrainConfig = TrainConfig> {
  readonly config: Config;
  readonly quality: Quality;
  readonly codes: Evaluation['codes'];
  /** See {@link Tested}. */
  readonly plain?: Quality | undefined;
  readonly shown: Shown;
  readonly history: readonly MetricsRecord[];
}
