import { createRng } from '@vqkit/core-tensor';
import { expect } from 'vitest';
import {
  type DiagnoseContext,
  type DiagnosedMethod,
  type Diagnosis,
  diagnose,
  type Problem,
  type TrackerReport,
  type TrackerUpdate,
} from '../src/index.ts';
import { tracked } from './tracked.ts';

/** N ids, uniform over `codes` codes of K. */
export const uniformIds = (n: number, codes: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i % codes);

/**
 * Ids whose histogram has the given number of used codes and, to a few percent, the given perplexity: a share of the tokens spread
 * over all used codes, the rest halved from code to code, as the background of pictures takes a few codes.
 */
export function skewedIds(n: number, used: number, perplexity: number): Int32Array {
  const make = (spread: number): Int32Array =>
    Int32Array.from({ length: n }, (_, i) => {
      if (i < spread * n) return i % used;
      return Math.min(used - 1, Math.floor(Math.log2((n * (1 - spread)) / (n - i))));
    });
  let [low, high] = [used / n, 1];
  for (let step = 0; step < 20; step++) {
    const spread = (low + high) / 2;
    if (tracked({ codebookSize: used }, { indices: make(spread) }).perplexity < perplexity) low = spread;
    else high = spread;
  }
  return make(high);
}

/** Latents of a fitted quantizer: codes of length about 1 and a little noise. */
export function fitted(
  indices: Int32Array,
  dim: number,
  noise: number,
): Pick<TrackerUpdate, 'indices' | 'latents' | 'codes'> {
  const table = createRng(1).normalArray(4096 * dim, 1 / Math.sqrt(dim));
  const rng = createRng(2);
  const codes = Float32Array.from({ length: indices.length * dim }, (_, i) => {
    const code = indices[Math.floor(i / dim)] as number;
    return table[code * dim + (i % dim)] as number;
  });
  return { indices, codes, latents: codes.map((value) => value + noise * rng.normal()) };
}

/** What the rules ask of LFQ. */
export const LFQ: DiagnosedMethod = {
  codesAreBits: true,
  remedies: { 'scale drift': 'Bound the scale. The distance never changes an LFQ index.' },
};

export const problems = (report: TrackerReport, context?: DiagnoseContext): Problem[] =>
  diagnose(report, context).map(({ problem }) => problem);

export function only(report: TrackerReport, context?: DiagnoseContext): Diagnosis {
  const found = diagnose(report, context);
  expect(found).toHaveLength(1);
  return found[0] as Diagnosis;
}
