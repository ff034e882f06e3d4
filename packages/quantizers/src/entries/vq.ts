import { createResidualVq, type ResidualVqOptions } from '@vqkit/residual';
import { createVq, type VqOptions } from '@vqkit/vq';
import { entry, LAYERS, type QuantizerEntry } from '../entry.ts';

const flags = {
  codebookSize: 'codebookSize',
  dim: 'dim',
  commitmentWeight: 'commitmentWeight',
  rotation: 'rotationTrick',
} as const;

// The example leaves the codes where chance put them; k-means and revival are what anyone would compare with. Its weight of the
// commitment, 10, makes worse pictures here: test L1 0.150 after 300 steps on MNIST instead of 0.138.
const recipe = { codebookSize: 256, commitmentWeight: 1, kmeansInit: true, thresholdEmaDeadCode: 2 } as const;

/** Embeddings have many features. */
const fit = { kmeansSeeding: 'directions' } as const;

export const vq: QuantizerEntry = entry({
  name: 'vq',
  kind: 'VQ',
  title: 'VQ',
  create: createVq,
  recipe: (dim): VqOptions => ({ dim, ...recipe }),
  fit,
  flags,
  learnsCodes: true,
  remedies: {
    collapse:
      'Initialise with k-means, revive dead codes (and reset their EMA state), use EMA updates and 4 to 8 code dimensions, or use FSQ or SimVQ.',
  },
});

export const residualVq: QuantizerEntry = entry({
  name: 'residual-vq',
  kind: 'ResidualVQ',
  title: 'Residual VQ',
  layer: 'vq',
  create: createResidualVq,
  recipe: (dim): ResidualVqOptions => ({ dim, ...recipe, numQuantizers: LAYERS }),
  fit,
  flags,
});
