import { gaussianStream } from '../src/data/source.ts';
import type { Experiment } from '../src/experiment.ts';
import { rotationExperiment } from '../src/studies/rotation.ts';

/** The second question on a stream of Gaussian vectors: needs no data. The grid and its answer are in src/studies/rotation.ts. */
export const simVqRotation: Experiment = rotationExperiment({
  name: 'simvq-rotation',
  where: 'on a synthetic stream',
  data: 'An endless stream of 8 Gaussian factors mixed into 32 features.',
  codebookSize: 256,
  steps: 800,
  points: 20,
  source: async () => gaussianStream({ dim: 32, factors: 8 }),
});
