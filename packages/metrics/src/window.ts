import type { CheckedBatch } from './batch.ts';
import { type LatentMoments, mergeMoments } from './latent-moments.ts';
import type { EntropyReport } from './report.ts';

/** What the window keeps of one update, or of several merged. */
export interface WindowEntry {
  /** The indices to take back when the update leaves the window; empty where none ever does. */
  readonly indices: Int32Array;
  readonly updates: number;
  readonly tokens: number;
  readonly ignoredTokens: number;
  readonly maskedTokensWithIndex: number;
  readonly moments: LatentMoments | undefined;
  readonly entropies: Readonly<Record<EntropySum, WeightedSum>>;
}

type EntropySum = 'perSample' | 'codebook' | 'attainable' | 'logTokens';

/** Σ tokens · value and Σ tokens, over the updates that gave a value. */
interface WeightedSum {
  readonly sum: number;
  readonly tokens: number;
}

export function windowEntry(batch: CheckedBatch, codebookSize: number, keepIndices: boolean): WindowEntry {
  const { indices, tokens, ignoredTokens, maskedTokensWithIndex, moments, perSampleEntropy, codebookEntropy } = batch;
  const weighted = (value: number | undefined): WeightedSum =>
    value === undefined || tokens === 0 ? { sum: 0, tokens: 0 } : { sum: tokens * value, tokens };
  const logTokens = perSampleEntropy === undefined && codebookEntropy === undefined ? undefined : Math.log(tokens);
  const attainable =
    perSampleEntropy === undefined ? undefined : Math.min(Math.log(codebookSize), Math.log(tokens) + perSampleEntropy);
  return {
    indices: keepIndices ? indices : new Int32Array(0),
    updates: 1,
    tokens,
    ignoredTokens,
    maskedTokensWithIndex,
    moments,
    entropies: {
      perSample: weighted(perSampleEntropy),
      codebook: weighted(codebookEntropy),
      attainable: weighted(attainable),
      logTokens: weighted(logTokens),
    },
  };
}

/** Two entries as one; its indices are left behind. */
export function mergeEntries(a: WindowEntry, b: WindowEntry): WindowEntry {
  const add = (name: EntropySum): WeightedSum => ({
    sum: a.entropies[name].sum + b.entropies[name].sum,
    tokens: a.entropies[name].tokens + b.entropies[name].tokens,
  });
  const both = a.moments !== undefined && b.moments !== undefined;
  return {
    indices: new Int32Array(0),
    updates: a.updates + b.updates,
    tokens: a.tokens + b.tokens,
    ignoredTokens: a.ignoredTokens + b.ignoredTokens,
    maskedTokensWithIndex: a.maskedTokensWithIndex + b.maskedTokensWithIndex,
    moments: both ? mergeMoments(a.moments, b.moments) : (a.moments ?? b.moments),
    entropies: {
      perSample: add('perSample'),
      codebook: add('codebook'),
      attainable: add('attainable'),
      logTokens: add('logTokens'),
    },
  };
}

export function entropyReport({ entropies }: WindowEntry, codebookSize: number): EntropyReport | undefined {
  const mean = ({ sum, tokens }: WeightedSum): number | undefined => (tokens === 0 ? undefined : sum / tokens);
  const logTokens = mean(entropies.logTokens);
  if (logTokens === undefined) return undefined;
  return {
    perSample: mean(entropies.perSample),
    codebook: mean(entropies.codebook),
    logCodebookSize: Math.log(codebookSize),
    logTokens,
    attainable: mean(entropies.attainable),
  };
}
