import { gaussianStream } from '../src/data/source.ts';
import type { Experiment } from '../src/experiment.ts';
import { collapseExperiment } from '../src/studies/collapse.ts';

/** Codebook collapse on a stream of Gaussian vectors: needs no data. The sweep and its answer are in src/studies/collapse.ts. */
export const claimsCollapse: Experiment = collapseExperiment({
  name: 'claims-collapse',
  where: 'on a synthetic stream',
  data: 'An endless stream of 8 Gaussian factors mixed into 32 features, so that no token is more frequent than others.',
  source: gaussianStream({ dim: 32, factors: 8 }),
});
