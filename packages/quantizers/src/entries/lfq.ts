import { createLfq, type LfqOptions } from '@vqkit/lfq';
import { createResidualLfq, type ResidualLfqOptions } from '@vqkit/residual';
import { entry, LAYERS, type QuantizerEntry } from '../entry.ts';

const common = {
  flags: {
    codebookSize: 'codebookSize',
    dim: 'dim',
    entropyWeight: 'entropyLossWeight',
    commitmentWeight: 'commitmentLossWeight',
    invTemperature: 'invTemperature',
    spherical: 'spherical',
    bitOrder: 'bitOrder',
  },
  ownWidth: true,
  normGroups: 4,
  nextRuns: {
    collapse: { name: 'entropy', flags: '--spherical --entropy-weight 0.1' },
    'scale drift': { name: 'spherical', flags: '--spherical' },
    'saturated probabilities': { name: 'spherical', flags: '--spherical' },
  },
} as const;

export const lfq: QuantizerEntry = entry({
  ...common,
  name: 'lfq',
  kind: 'LFQ',
  title: 'LFQ',
  create: createLfq,
  recipe: (): LfqOptions => ({ codebookSize: 256, spherical: true, entropyLossWeight: 0.02 }),
  codesAreBits: true,
  remedies: {
    collapse: 'Normalise the latents (spherical: true or a norm layer before it), then raise entropyLossWeight.',
    'scale drift':
      'Bound the scale: spherical: true, a norm layer before the quantizer, the unit-norm loss mean((x² - 1)²), or a commitment term. A lower inverse temperature alone does not bound it. The distance is not the cause: it never changes an LFQ index.',
  },
});

export const residualLfq: QuantizerEntry = entry({
  ...common,
  name: 'residual-lfq',
  kind: 'ResidualLFQ',
  title: 'Residual LFQ',
  layer: 'lfq',
  create: createResidualLfq,
  // Not spherical: then a feature is written in binary. The commitment keeps the latents where the layers reach.
  recipe: (): ResidualLfqOptions => ({
    codebookSize: 256,
    entropyLossWeight: 0.02,
    commitmentLossWeight: 0.25,
    numQuantizers: LAYERS,
  }),
});
