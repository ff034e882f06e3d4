import type { Work } from './work.ts';

/** One row of the table: a work and what is wanted of it. */
export interface Row {
  readonly title: string;
  readonly work: Work;
  readonly goal: Goal;
  /** Why the reference library is not asked to do it. */
  readonly withoutTorch?: string;
  /** Part of a quick run, on smaller sizes. */
  readonly quick?: boolean;
}

type Goal =
  /** So many times as fast as the reference library, with one thread and with all. */
  | { readonly kind: 'ratio'; readonly times: number }
  /** Within a time and a peak of the whole process, with all threads. */
  | { readonly kind: 'bounds'; readonly ms: number; readonly mib: number }
  | { readonly kind: 'none' };

const ratio = (times: number): Goal => ({ kind: 'ratio', times });
const LEVELS = [8, 5, 5, 5];
const simvq = { quantizer: 'simvq', n: 16_384, codes: 8192 } as const;

export const ROWS: readonly Row[] = [
  {
    title: 'FSQ [8,5,5,5] encode, 65,536 tokens',
    work: { quantizer: 'fsq', op: 'encode', n: 65_536, dim: 4, levels: LEVELS },
    goal: ratio(50),
    quick: true,
  },
  {
    title: 'LFQ d=10 encode, 65,536 tokens',
    work: { quantizer: 'lfq', op: 'encode', n: 65_536, dim: 10 },
    goal: ratio(60),
    quick: true,
  },
  {
    title: 'LFQ train step N=4096, d=10',
    work: { quantizer: 'lfq', op: 'train', n: 4096, dim: 10 },
    goal: ratio(15),
    quick: true,
  },
  {
    title: 'LFQ train step N=4096, d=14',
    work: { quantizer: 'lfq', op: 'train', n: 4096, dim: 14 },
    goal: ratio(100),
  },
  {
    title: 'LFQ train step N=1024, d=16',
    work: { quantizer: 'lfq', op: 'train', n: 1024, dim: 16 },
    goal: ratio(200),
  },
  {
    title: 'LFQ train step N=8192, d=18',
    work: { quantizer: 'lfq', op: 'train', n: 8192, dim: 18 },
    goal: { kind: 'bounds', ms: 600, mib: 0.6 * 1024 },
    withoutTorch: 'not asked: one of its N × 2^d matrices has 8 GiB, and it needs several',
  },
  {
    title: 'SimVQ encode 16,384 × K=8192, D=32',
    work: { ...simvq, op: 'encode', dim: 32, frozenDim: 32 },
    goal: ratio(3),
    quick: true,
  },
  {
    title: 'SimVQ encode 16,384 × K=8192, D=128',
    work: { ...simvq, op: 'encode', dim: 128, frozenDim: 128 },
    goal: ratio(1.3),
  },
  {
    title: 'SimVQ encode 16,384 × K=8192, D=128, frozen width 8',
    work: { ...simvq, op: 'encode', dim: 128, frozenDim: 8 },
    goal: ratio(10),
    quick: true,
  },
  {
    title: 'SimVQ train step 4096 × K=8192, D=32',
    work: { ...simvq, op: 'train', n: 4096, dim: 32, frozenDim: 32 },
    goal: ratio(2),
    quick: true,
  },
  {
    title: 'FSQ [8,5,5,5] train step, 65,536 tokens',
    work: { quantizer: 'fsq', op: 'train', n: 65_536, dim: 4, levels: LEVELS },
    goal: ratio(4),
  },
  {
    title: 'residual VQ encode, depth 8, 16,384 × K=1024, D=128',
    work: { quantizer: 'residual-vq', op: 'encode', n: 16_384, dim: 128, codes: 1024, depth: 8 },
    goal: { kind: 'none' },
    quick: true,
  },
  {
    title: 'residual SimVQ encode, depth 8, 16,384 × K=1024, D=128',
    work: { quantizer: 'residual-simvq', op: 'encode', n: 16_384, dim: 128, codes: 1024, depth: 8 },
    goal: { kind: 'none' },
  },
];
