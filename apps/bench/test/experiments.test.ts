import { describe, expect, it } from 'vitest';
import type { ExperimentContext, Outcome, Raw } from '../src/experiment.ts';
import { experiments } from '../src/registry.ts';
import { checkedOutcome } from '../src/result.ts';
import type { TokenEvaluation } from '../src/training/evaluate.ts';
import { type KeptRun, keptRun, type Quantity } from '../src/training/trace.ts';
import type { TracePoint, TrainingRun } from '../src/training/train-tokens.ts';

const evaluation: TokenEvaluation = {
  tokens: 100,
  mse: 0.1,
  relativeError: 0.2,
  psnrDb: 16,
  bitsPerToken: 8,
  entropyBits: 6,
  usedCodes: 90,
  utilization: 0.35,
  utilizationOfExpected: 0.4,
  perplexity: 64,
  perplexityShare: 0.25,
  topCodeShare: 0.1,
  latents: {
    rms: 1,
    variance: 0.9,
    norm: 3,
    error: 0.05,
    relativeError: 0.055,
    angle: 20,
    obtuseShare: 0,
    normRatio: 0.9,
  },
};
const point = (step: number): TracePoint => ({
  step,
  loss: 1,
  reconstruction: 0.5,
  losses: { perSampleEntropy: 0.1, codebookEntropy: 5, commitment: 0.05, codebook: 0.05 },
  gradients: { encoder: 0.1, quantizer: 0.1, decoder: 0.1 },
  lossGradient: 0.3,
  probe: evaluation,
});
const ALL: readonly Quantity[] = [
  'rms',
  'norm',
  'angle',
  'obtuseShare',
  'commitment',
  'relativeCommitment',
  'utilization',
  'perplexityShare',
  'perSampleEntropy',
  'codebookEntropy',
  'lossGradient',
  'encoderGradient',
];
const asKept = (run: TrainingRun): KeptRun => keptRun(run, ALL);
const trained = asKept({ divergedAt: null, trace: [point(0), point(10)], test: evaluation, busyTest: evaluation });
const diverged = asKept({
  divergedAt: 5,
  trace: [point(0), { ...point(5), loss: null, reconstruction: null, probe: null, lossGradient: null }],
  test: null,
  busyTest: null,
});

/** The experiments whose parts are trainings of token autoencoders, without the ones that need recordings. */
const TRAININGS = [
  'lfq-distance',
  'lfq-scale-drift',
  'simvq-rotation',
  'simvq-rotation-images',
  'simvq-over-rotation',
  'simvq-still',
  'claims-collapse',
  'claims-collapse-images',
  'claims-rotation-vq',
  'claims-lfq-entropy',
  'claims-lfq-weight',
];

function context(run: KeptRun, parts: string[]): ExperimentContext {
  return {
    quick: true,
    seeds: [1, 2],
    cores: 2,
    python: undefined,
    dataDir: undefined,
    part: async <T>(name: string, _: unknown, work: (raw: Raw) => Promise<T>): Promise<T> => {
      parts.push(name);
      return name.includes('seed') ? (run as T) : work(() => undefined);
    },
    log: () => undefined,
    progress: () => undefined,
  };
}

describe.each(TRAININGS)('%s', (name) => {
  it.each([
    ['trained', trained],
    ['diverged', diverged],
  ])('writes tables and an answer without gaps when all runs have %s', async (_, run) => {
    const entry = experiments.find((each) => each.name === name);
    const experiment = await entry?.load();
    if (experiment === undefined) throw new Error(`no experiment ${name}`);
    const parts: string[] = [];
    const given = context(run, parts);
    const outcome: Outcome = checkedOutcome(name, await experiment.run(given));
    expect(experiment.name).toBe(name);
    expect(parts).toHaveLength((await experiment.parts?.(given)) ?? Number.NaN);
    expect(new Set(parts).size).toBe(parts.length);
    const text = JSON.stringify(outcome);
    expect(text).not.toMatch(/undefined|\[object|Infinity/);
    if (run === trained) expect(text).not.toMatch(/NaN/);
  });
});
