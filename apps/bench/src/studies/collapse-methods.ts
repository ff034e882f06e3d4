import type { Series } from '../experiment.ts';
import type { Cell, QuantizerSpec } from '../training/cells.ts';
import type { TokenEvaluation } from '../training/evaluate.ts';
import { testSpread } from '../training/summary.ts';
import type { KeptRun } from '../training/trace.ts';

export type Pick = (test: TokenEvaluation) => number | null;

/** How good a reconstruction is, in decibels. */
export interface Quality {
  readonly name: 'PSNR' | 'SNR';
  readonly pick: Pick;
}

const DIM = 32;
export const BATCH: number = 512;
export const STEPS: number = 500;
const FSQ_LEVELS: Readonly<Record<number, readonly number[]>> = {
  64: [8, 8],
  256: [8, 6, 5],
  1024: [8, 5, 5, 5],
  4096: [7, 5, 5, 5, 5],
};

/** A quantizer for any size of codebook. */
export interface Method {
  readonly name: string;
  quantizer(k: number): QuantizerSpec;
}

const PLAIN = { learnableCodebook: true, rotationTrick: false, commitmentWeight: 0.25 } as const;
export const plain: Method = {
  name: 'plain VQ',
  quantizer: (codebookSize) => ({ method: 'vq', options: { dim: DIM, codebookSize, ...PLAIN } }),
};
export const low: Method = {
  name: 'plain VQ, 4 features',
  quantizer: (codebookSize) => ({ method: 'vq', options: { dim: 4, codebookSize, ...PLAIN } }),
};
export const ema: Method = {
  name: 'VQ, EMA',
  quantizer: (codebookSize) => ({ method: 'vq', options: { dim: DIM, codebookSize, rotationTrick: false } }),
};
export const rescued: Method = {
  name: 'VQ, EMA, k-means, revival',
  quantizer: (codebookSize) => ({
    method: 'vq',
    options: {
      dim: DIM,
      codebookSize,
      rotationTrick: false,
      kmeansInit: true,
      thresholdEmaDeadCode: (0.2 * BATCH) / codebookSize,
      resetClusterSize: BATCH / codebookSize,
    },
  }),
};
export const simvq: Method = {
  name: 'SimVQ',
  quantizer: (codebookSize) => ({ method: 'simvq', options: { dim: DIM, codebookSize } }),
};
export const fsq: Method = {
  name: 'FSQ',
  quantizer: (k) => ({ method: 'fsq', options: { levels: FSQ_LEVELS[k] ?? [] } }),
};
const lfq: Method = {
  name: 'LFQ, spherical',
  quantizer: (codebookSize) => ({ method: 'lfq', options: { codebookSize, spherical: true, entropyLossWeight: 0.1 } }),
};
export const METHODS: readonly Method[] = [plain, low, ema, rescued, simvq, fsq, lfq];
/** Those that further data are measured with. */
export const FURTHER: readonly Method[] = [plain, rescued, simvq, fsq];
/** SimVQ that trains its frozen vectors too. */
export const BOTH: Cell = {
  name: 'SimVQ with trained vectors, K = 1024',
  quantizer: { method: 'simvq', options: { dim: DIM, codebookSize: 1024, trainCodebook: true } },
};
/** K of what is not swept. */
export const MIDDLE: number = 1024;

/** One method at one size, trained with every seed. */
export interface Row {
  readonly method: Method;
  readonly k: number;
  readonly runs: readonly KeptRun[];
}

/** Every K, in order. */
export function sizes(rows: readonly Row[]): number[] {
  return [...new Set(rows.map(({ k }) => k))];
}

/** What as many uniform draws as there are test tokens would use of K codes, on the average. */
function drawn(k: number, tokens: number): number {
  return k * (1 - (1 - 1 / k) ** tokens);
}

/** Of one test. */
export function tokensOf(rows: readonly Row[]): number {
  return testSpread(rows[0]?.runs ?? [], ({ tokens }) => tokens)?.mean ?? 0;
}

/** A line for the picture. */
export function ceilingOf(rows: readonly Row[]): Series {
  const points = sizes(rows).map((k) => [Math.log2(k), drawn(k, tokensOf(rows))] as const);
  return { label: 'as many uniform draws', points };
}

/** Of the largest codebook. */
export function uniformShare(rows: readonly Row[]): number {
  const k = Math.max(...sizes(rows));
  return drawn(k, tokensOf(rows)) / k;
}

/** The sweep of K. */
export function sizesOf(quick: boolean): readonly number[] {
  return quick ? [64, 1024] : [64, 256, 1024, 4096];
}

/** Codes that a test token takes. */
export const used: Pick = (test) => test.usedCodes;

export function runsOf(rows: readonly Row[], method: Method, k: number): readonly KeptRun[] {
  return rows.find((row) => row.method === method && row.k === k)?.runs ?? [];
}

export function meanOf(rows: readonly Row[], method: Method, k: number, pick: Pick): number {
  return testSpread(runsOf(rows, method, k), pick)?.mean ?? Number.NaN;
}
