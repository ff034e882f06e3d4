import { OptionError } from '@vqkit/core-tensor';
import type { Experiment } from './experiment.ts';

/** An experiment that is loaded when it is called: most load an engine. */
export interface ExperimentEntry {
  readonly name: string;
  /** Other words for it. */
  readonly aliases?: readonly string[];
  load(): Promise<Experiment>;
}

/** Every experiment, in the order of `pnpm bench all`. A new one is a file in experiments/ and an entry here. */
export const experiments: readonly ExperimentEntry[] = [
  { name: 'kernels', aliases: ['speed'], load: async () => (await import('../experiments/kernels.ts')).kernels },
  { name: 'gpu', load: async () => (await import('../experiments/gpu.ts')).gpu },
  { name: 'growth', load: async () => (await import('../experiments/growth.ts')).growth },
  { name: 'stack-cost', load: async () => (await import('../experiments/stack-cost.ts')).stackCost },
  { name: 'vectors', load: async () => (await import('../experiments/vectors.ts')).vectors },
  { name: 'workers', load: async () => (await import('../experiments/workers.ts')).workers },
  { name: 'fleet', load: async () => (await import('../experiments/fleet.ts')).fleet },
  { name: 'codecs', load: async () => (await import('../experiments/codecs.ts')).codecs },
  { name: 'parity', load: async () => (await import('../experiments/parity.ts')).parity },
  { name: 'recipe', load: async () => (await import('../experiments/recipe.ts')).recipe },
  { name: 'recipe-fashion', load: async () => (await import('../experiments/recipe.ts')).recipeFashion },
  { name: 'photos-speed', load: async () => (await import('../experiments/photos-speed.ts')).photosSpeed },
  { name: 'recipe-speed', load: async () => (await import('../experiments/recipe-speed.ts')).recipeSpeed },
  {
    name: 'classifier-distance',
    load: async () => (await import('../experiments/classifier-distance.ts')).classifierDistance,
  },
  { name: 'lfq-distance', load: async () => (await import('../experiments/lfq-distance.ts')).lfqDistance },
  { name: 'lfq-library', load: async () => (await import('../experiments/lfq-library.ts')).lfqLibrary },
  { name: 'lfq-scale-drift', load: async () => (await import('../experiments/lfq-scale-drift.ts')).lfqScaleDrift },
  { name: 'lfq-remedies', load: async () => (await import('../experiments/lfq-remedies.ts')).lfqRemedies },
  { name: 'lfq-softness', load: async () => (await import('../experiments/lfq-softness.ts')).lfqSoftness },
  { name: 'simvq-rotation', load: async () => (await import('../experiments/simvq-rotation.ts')).simVqRotation },
  {
    name: 'simvq-rotation-images',
    load: async () => (await import('../experiments/simvq-rotation-images.ts')).simVqRotationImages,
  },
  { name: 'simvq-library', load: async () => (await import('../experiments/simvq-library.ts')).simVqLibrary },
  {
    name: 'simvq-speech-conv',
    load: async () => (await import('../experiments/simvq-speech-conv.ts')).simVqSpeechConv,
  },
  {
    name: 'simvq-rotation-rate',
    load: async () => (await import('../experiments/simvq-rotation-rate.ts')).simVqRotationRate,
  },
  {
    name: 'simvq-over-rotation',
    load: async () => (await import('../experiments/simvq-over-rotation.ts')).simVqOverRotation,
  },
  { name: 'simvq-still', load: async () => (await import('../experiments/simvq-still.ts')).simVqStill },
  { name: 'claims-collapse', load: async () => (await import('../experiments/claims-collapse.ts')).claimsCollapse },
  {
    name: 'claims-collapse-images',
    load: async () => (await import('../experiments/claims-collapse-images.ts')).claimsCollapseImages,
  },
  {
    name: 'claims-rotation-vq',
    load: async () => (await import('../experiments/claims-rotation-vq.ts')).claimsRotationVq,
  },
  {
    name: 'claims-mean-shift',
    load: async () => (await import('../experiments/claims-mean-shift.ts')).claimsMeanShift,
  },
  { name: 'claims-residual', load: async () => (await import('../experiments/claims-residual.ts')).claimsResidual },
  {
    name: 'claims-lfq-entropy',
    load: async () => (await import('../experiments/claims-lfq-entropy.ts')).claimsLfqEntropy,
  },
  {
    name: 'claims-lfq-weight',
    load: async () => (await import('../experiments/claims-lfq-weight.ts')).claimsLfqWeight,
  },
  {
    name: 'speech-simvq-rotation',
    load: async () => (await import('../experiments/speech-simvq-rotation.ts')).speechSimVqRotation,
  },
  {
    name: 'speech-tokenizer',
    load: async () => (await import('../experiments/speech-tokenizer.ts')).speechTokenizer,
  },
  { name: 'speech-silence', load: async () => (await import('../experiments/speech-silence.ts')).speechSilence },
];

/**
 * The entries that are asked for, each once; `all` is all of them.
 * @throws OptionError when there is no such experiment, naming those that there are.
 */
export function findExperiments(
  names: readonly string[],
  known: readonly ExperimentEntry[] = experiments,
): readonly ExperimentEntry[] {
  if (names.includes('all')) return known;
  const found = names.map((name) => {
    const entry = known.find((candidate) => candidate.name === name || candidate.aliases?.includes(name));
    if (entry !== undefined) return entry;
    const list = known.map((candidate) => candidate.name).join(', ');
    throw new OptionError('bench', 'the experiment', `be one of ${list} or all`, name, 'See pnpm bench list.');
  });
  return [...new Set(found)];
}
