import { mnistPatches } from '../src/data/images.ts';
import type { Experiment } from '../src/experiment.ts';
import { rotationExperiment } from '../src/studies/rotation.ts';

/** The second question on pictures. The grid and its answer are in src/studies/rotation.ts. */
export const simVqRotationImages: Experiment = rotationExperiment({
  name: 'simvq-rotation-images',
  where: 'on patches of MNIST',
  data: '7 × 7 patches of MNIST, 16 tokens a picture, many of them empty background.',
  codebookSize: 256,
  steps: 800,
  source: async () => mnistPatches,
});
