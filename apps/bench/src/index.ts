export { compareResults } from './compare.ts';
export type { DocsOptions } from './docs.ts';
export { generateDocs } from './docs.ts';
export type {
  Axis,
  Experiment,
  ExperimentContext,
  Measurement,
  Outcome,
  Plot,
  Series,
  Table,
  Verdict,
} from './experiment.ts';
export { formatCell, markdownTable } from './markdown.ts';
export type { ExperimentEntry } from './registry.ts';
export { experiments } from './registry.ts';
export { readResult } from './replay.ts';
export type { Result } from './result.ts';
export type { BenchHooks, BenchOptions } from './run.ts';
export { runBenchmarks } from './run.ts';
