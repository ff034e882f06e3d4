import { gaussianStream } from '../src/data/source.ts';
import type { Experiment } from '../src/experiment.ts';
import { stillExperiment } from '../src/studies/still.ts';

/** Where SimVQ fails, on a stream: needs no data. The sweep and its answer are in src/studies/still.ts. */
export const simVqStill: Experiment = stillExperiment({
  name: 'simvq-still',
  where: 'one and the same',
  data: 'An endless stream of 8 Gaussian factors mixed into 32 features, of which a share is one fixed vector with a noise of 0.01.',
  shares: [0, 0.5, 0.9],
  source: async (_, share = 0) => ({ source: gaussianStream({ dim: 32, factors: 8, still: share }), share }),
});
