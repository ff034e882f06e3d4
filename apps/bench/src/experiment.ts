/** One benchmark: a question, how it is answered, and the code that answers it. One readable file in `experiments/` each. */
export interface Experiment {
  /** The word after `pnpm bench`. */
  readonly name: string;
  readonly question: string;
  /** What is done, in words; the settings that matter. */
  readonly method: string;
  /** What is expected, said before the result is known. */
  readonly expected: string;
  /** How many parts a run has, for the progress bar. */
  parts?(
    context: Pick<ExperimentContext, 'quick' | 'seeds' | 'cores' | 'python' | 'dataDir'>,
  ): number | Promise<number>;
  run(context: ExperimentContext): Promise<Outcome>;
}

/** What the harness gives an experiment. */
export interface ExperimentContext {
  /** A run of minutes instead of the full one: fewer steps, one or two seeds, smaller sizes. */
  readonly quick: boolean;
  /** Seeds of random training: three or more in a full run. */
  readonly seeds: readonly number[];
  /** A Python that has torch and vector-quantize-pytorch: the one the caller named, else one on the PATH; undefined where none has both. */
  readonly python: string | undefined;
  /** The folder with an experiment's data (speech, images) where the caller named one. */
  readonly dataDir: string | undefined;
  /** Cores of the machine. */
  readonly cores: number;
  /**
   * One part of the work, remembered: a run that was killed goes on with the parts that are missing, and the pages are made from the parts
   * alone, on any machine. What it gives is kept in git, as JSON with six digits of a number: no more than tables, plots and texts need.
   * All that was measured goes to `raw`. `settings` is everything that it depends on: a part with other settings is done again.
   */
  part<T>(name: string, settings: Readonly<Record<string, unknown>>, work: (raw: Raw) => Promise<T>): Promise<T>;
  /** A line for the user. */
  log(line: string): void;
  /** How far the part that runs now is, 0 to 1, for the progress bar. */
  progress(share: number): void;
}

/** Takes what was measured in full, which `pnpm bench --raw FOLDER` writes and nothing else keeps. */
export type Raw = (value: unknown) => void;

/** What an experiment found. */
export interface Outcome {
  readonly tables: readonly Table[];
  readonly plots: readonly Picture[];
  readonly verdicts: readonly Verdict[];
  /** The answer in words, Markdown, with the numbers in it: it is generated from them. */
  readonly answer: string;
  /** Repeated measurements, which `pnpm bench compare` sets side by side. Without them it compares the numbers of the tables. */
  readonly measurements?: readonly Measurement[];
}

/** One quantity measured several times: repetitions of a timing, or seeds. */
export interface Measurement {
  /** The row, the same in every run, such as `FSQ encode, vqkit, 1 thread`. */
  readonly name: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly samples: readonly number[];
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  /** A number is printed with at most four significant digits (an integer whole), null as "not measured". */
  readonly rows: readonly (readonly (string | number | null)[])[];
}

export type Picture = Plot | Heatmap;

/** A table of colours: one number for each pair of settings, written into its field. */
export interface Heatmap {
  /** As that of a {@link Plot}. */
  readonly name: string;
  readonly title: string;
  /** Settings from left to right. */
  readonly x: Settings;
  /** Settings from below to above. */
  readonly y: Settings;
  /** What the numbers are. */
  readonly value: string;
  /** Row by row, from below; null is left empty. */
  readonly cells: readonly (readonly (number | null)[])[];
}

/** One axis of a {@link Heatmap}. */
interface Settings {
  readonly label: string;
  readonly ticks: readonly string[];
}

/** A line chart: one series is one line. */
export interface Plot {
  /** File name without its ending: results/<experiment>-<name>.svg. */
  readonly name: string;
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export interface Axis {
  readonly label: string;
  readonly scale?: 'linear' | 'log';
}

export interface Series {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** For each point the lowest and the highest of the seeds: drawn as a band. */
  readonly spread?: readonly (readonly [low: number, high: number])[];
}

/** A claim beside what was measured. */
export interface Verdict {
  readonly claim: string;
  readonly expected: string;
  readonly measured: string;
  /** Whether the claim was expected to hold. Default true; null where nothing was predicted. */
  readonly predicted?: boolean | null;
  /** Whether the claim held here; `undecided` where the seeds cannot tell: their interval holds both answers. */
  readonly verdict: 'reproduced' | 'not reproduced' | 'undecided' | 'beyond reach here';
  /** Why, and what speaks against it. */
  readonly remark: string;
}
