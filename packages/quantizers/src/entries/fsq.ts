import { createFsq, type FsqOptions } from '@vqkit/fsq';
import { createResidualFsq, type ResidualFsqOptions } from '@vqkit/residual';
import { entry, LAYERS, type QuantizerEntry } from '../entry.ts';

const flags = { levels: 'levels', dim: 'dim' } as const;
const recipe = { levels: [8, 6, 5] } as const;

export const fsq: QuantizerEntry = entry({
  name: 'fsq',
  kind: 'FSQ',
  title: 'FSQ',
  create: createFsq,
  recipe: (): FsqOptions => ({ levels: [...recipe.levels] }),
  flags: { ...flags, bound: 'bound' },
  ownWidth: true,
  remedies: {
    collapse:
      'Check that the latents vary at all (dead or saturated encoder output), use 5 or more levels per dimension, warm up the learning rate.',
  },
});

export const residualFsq: QuantizerEntry = entry({
  name: 'residual-fsq',
  kind: 'ResidualFSQ',
  title: 'Residual FSQ',
  layer: 'fsq',
  create: createResidualFsq,
  recipe: (): ResidualFsqOptions => ({ levels: [...recipe.levels], numQuantizers: LAYERS }),
  flags,
  ownWidth: true,
});
