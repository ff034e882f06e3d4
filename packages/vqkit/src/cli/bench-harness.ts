import { phrase, UnsupportedError } from '@vqkit/core-tensor/errors';

const NAME: string = '@vqkit/bench';

/**
 * What the command line uses of @vqkit/bench. That package is not published and not installed for training alone, so that nothing here may need its
 * types; the workspace's test/bench-harness.test.ts holds that it has this form.
 */
export interface BenchHarness {
  readonly experiments: readonly {
    readonly name: string;
    readonly aliases?: readonly string[] | undefined;
    load(): Promise<{ readonly question: string }>;
  }[];
  runBenchmarks(names: readonly string[], options?: BenchOptions, hooks?: BenchHooks): Promise<unknown>;
  readResult(path: string): Promise<object>;
  compareResults(a: object, b: object): BenchTable;
  markdownTable(table: BenchTable): string;
  /** Gives the files that differed. */
  generateDocs(options: { readonly check?: boolean }): Promise<readonly string[]>;
}

/** Rows of cells under heads. */
interface BenchTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** Options of a run, as @vqkit/bench describes them. */
export interface BenchOptions {
  readonly quick?: boolean | undefined;
  readonly seeds?: readonly number[] | undefined;
  readonly python?: string | undefined;
  readonly data?: string | undefined;
  readonly out?: string | undefined;
  readonly fresh?: boolean | undefined;
  readonly reuse?: boolean | undefined;
}

/** What a run tells. */
export interface BenchHooks {
  onStart?(info: { experiment: string; question: string; parts: number | undefined }): void;
  onPart?(event: { name: string; state: 'started' | 'done' | 'remembered'; seconds: number }): void;
  onProgress?(share: number): void;
  onLog?(line: string): void;
  onDone?(info: { experiment: string; result: { outcome: { answer: string } }; files: readonly string[] }): void;
}

/** Loads the harness, which needs the peers and the results that stand in the repository. */
export async function loadBench(): Promise<BenchHarness> {
  try {
    return await import(NAME);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${NAME}'`)) throw error;
    throw new UnsupportedError(
      'vqkit bench',
      `the package ${NAME}`,
      'be there, which it is in the repository of vqkit only',
      phrase('none'),
      'Clone it and run there: npm run bench -- list.',
    );
  }
}
