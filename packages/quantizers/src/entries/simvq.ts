import { createResidualSimVq, type ResidualSimVqOptions } from '@vqkit/residual';
import { createSimVq, type SimVqOptions } from '@vqkit/simvq';
import { entry, LAYERS, type QuantizerEntry } from '../entry.ts';

const flags = {
  codebookSize: 'codebookSize',
  dim: 'dim',
  commitmentWeight: 'commitmentWeight',
  rotation: 'rotationTrick',
} as const;
const codebookTransform = { hidden: [128], activation: 'relu' } as const;

export const simvq: QuantizerEntry = entry({
  name: 'simvq',
  kind: 'SimVQ',
  title: 'SimVQ',
  create: createSimVq,
  recipe: (dim): SimVqOptions => ({ dim, codebookSize: 256, codebookTransform, rotationTrick: true }),
  flags,
  learnsCodes: true,
  remedies: {
    collapse:
      'Check that the transform is trained (pass quantizer.variables() to the optimizer), warm up the learning rate, keep both halves of the commitment loss.',
  },
});

export const residualSimVq: QuantizerEntry = entry({
  name: 'residual-simvq',
  kind: 'ResidualSimVQ',
  title: 'Residual SimVQ',
  layer: 'simvq',
  create: createResidualSimVq,
  recipe: (dim): ResidualSimVqOptions => ({ dim, codebookSize: 256, codebookTransform, numQuantizers: LAYERS }),
  flags,
});
