import { fashionPatches, mnistPatches, photoPatches } from '../src/data/images.ts';
import type { Experiment } from '../src/experiment.ts';
import { collapseExperiment } from '../src/studies/collapse.ts';

/** Codebook collapse on pictures. The sweep and its answer are in src/studies/collapse.ts. */
export const claimsCollapseImages: Experiment = collapseExperiment({
  name: 'claims-collapse-images',
  where: 'on patches of MNIST',
  data: "7 × 7 patches of MNIST, 16 tokens a picture, about half of them empty background. K = 1,024 is repeated on Fashion-MNIST and on photographs (Debian's lomiri-wallpapers, or the pictures of --data) where they are there.",
  source: mnistPatches,
  further: async ({ dataDir }) => [fashionPatches(dataDir), await photoPatches(dataDir)],
});
