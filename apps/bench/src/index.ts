export type {
  Axis,
  Experiment,
  ExperimentContext,
  Outcome,
  Plot,
  Series,
  Table,
  Verdict,
} from './experiment.ts';
