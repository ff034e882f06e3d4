import { ROWS } from '../kernels/rows.ts';
import { smaller, type Work } from '../kernels/work.ts';

/** One row of the table. */
export interface GpuRow {
  readonly title: string;
  readonly work: Work;
  /** Too much for one thread of a CPU in the time of a run. */
  readonly large?: boolean;
}

const LEVELS = [8, 5, 5, 5];
const QUICK_DIVISOR = 64;

/** The works of `kernels` that quantize tokens, in its sizes, then some in sizes that a GPU is made for. */
const FULL: readonly GpuRow[] = [
  ...ROWS.flatMap(({ title, work }) => ('depth' in work ? [] : [{ title, work }])),
  {
    title: 'FSQ [8,5,5,5] encode, 4,194,304 tokens',
    work: { quantizer: 'fsq', op: 'encode', n: 2 ** 22, dim: 4, levels: LEVELS },
    large: true,
  },
  {
    title: 'FSQ [8,5,5,5] train step, 1,048,576 tokens',
    work: { quantizer: 'fsq', op: 'train', n: 2 ** 20, dim: 4, levels: LEVELS },
    large: true,
  },
  {
    title: 'LFQ train step N=32,768, d=14',
    work: { quantizer: 'lfq', op: 'train', n: 2 ** 15, dim: 14 },
    large: true,
  },
  {
    title: 'SimVQ encode 131,072 × K=8192, D=32',
    work: { quantizer: 'simvq', op: 'encode', n: 2 ** 17, codes: 8192, dim: 32, frozenDim: 32 },
    large: true,
  },
];

const QUICK = ['fsq encode', 'lfq train', 'simvq encode'];

/** The rows of a full run, or of a quick one: one of each kind, smaller. */
export function gpuRows(quick: boolean): readonly GpuRow[] {
  if (!quick) return FULL;
  return QUICK.map((kind) => {
    const { title, work } = FULL.find(({ work: { quantizer, op } }) => `${quantizer} ${op}` === kind) as GpuRow;
    const small = smaller(work, QUICK_DIVISOR);
    const codes = 'codes' in small ? `, K=${small.codes}` : '';
    return { title: `${title} (quick: N=${small.n}${codes})`, work: small };
  });
}
