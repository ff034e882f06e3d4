/** A piece of work that every contender does on the same input: plain data, sent to their processes. */
export type Work = FsqWork | LfqWork | SimVqWork | ResidualWork;

interface Common {
  /** Tokens. */
  readonly n: number;
  readonly dim: number;
  /** float32 [n, dim]. */
  readonly inputPath?: string;
  /** float32 [n, dim], the gradient that comes back to the codes; of training. */
  readonly gradientPath?: string;
}

export interface FsqWork extends Common {
  readonly quantizer: 'fsq';
  readonly op: 'encode' | 'train';
  readonly levels: readonly number[];
}

export interface LfqWork extends Common {
  readonly quantizer: 'lfq';
  readonly op: 'encode' | 'train';
}

export interface SimVqWork extends Common {
  readonly quantizer: 'simvq';
  readonly op: 'encode' | 'train';
  readonly codes: number;
  readonly frozenDim: number;
  /** The frozen vectors, float32 [codes, frozenDim], and the transform, float32 [dim, frozenDim]. */
  readonly codebookPath?: string;
  readonly weightPath?: string;
}

/** Encoding with a stack of codebooks, each for what the one before left over; every contender has its own random ones. */
interface ResidualWork extends Common {
  readonly quantizer: 'residual-vq' | 'residual-simvq';
  readonly op: 'encode';
  readonly codes: number;
  readonly depth: number;
}

/** What a benchmark asks of a quantizer's work, whoever does it. */
interface WorkFacts<W extends Work> {
  /** Of the quantizer, for its entry in the registry. */
  options(work: W): object;
  /** Deviation of the input's features. */
  spread(work: W): number;
  /** Kernels that matter, by what is done. */
  readonly kernels: Readonly<Record<W['op'], readonly string[]>>;
  /** Codes that every token is compared with; undefined where it is quantized feature by feature. */
  codes(work: W): number | undefined;
  /** Comparisons of a token's features with thresholds. */
  thresholds(work: W): number;
  /** Bytes of the codes, and multiplications and additions of float32 and of int16, beside {@link leastWork}'s of the tokens. */
  least(work: W): LeastWork;
}

const NOTHING: LeastWork = { bytes: 0, flops: 0, int16: 0 };

const residual: WorkFacts<ResidualWork> = {
  options: ({ dim, codes, depth }) => ({ dim, codebookSize: codes, numQuantizers: depth }),
  spread: ({ dim }) => dim ** -0.5,
  kernels: { encode: ['NearestCode'] },
  codes: ({ codes }) => codes,
  thresholds: () => 0,
  least: ({ n, dim, codes, depth }) => ({
    bytes: 4 * codes * dim * depth,
    flops: 0,
    int16: 2 * n * codes * dim * depth,
  }),
};

/**
 * The quantizers that are measured. LFQ's entropy: with the code split in two halves, the average probabilities are one product of matrices
 * over all N tokens and 2^d codes, and their gradient two. The nearest code: one product of matrices, of int16, which leaves few codes to be
 * compared in float32.
 */
const QUANTIZERS: { readonly [W in Work as W['quantizer']]: WorkFacts<W> } = {
  fsq: {
    options: ({ levels }) => ({ levels }),
    // Most of the range.
    spread: () => 1.5,
    kernels: { encode: ['FsqQuantize'], train: ['FsqQuantize'] },
    codes: () => undefined,
    thresholds: ({ levels }) => levels.reduce((sum, level) => sum + level - 1, 0),
    least: () => NOTHING,
  },
  lfq: {
    options: ({ dim }) => ({ dim, codebookSize: 2 ** dim }),
    // Log-odds from undecided to certain.
    spread: () => 1,
    kernels: { encode: ['SignQuantize'], train: ['SignQuantize', 'BitEntropy', 'BitEntropyGrad'] },
    codes: ({ op, dim }) => (op === 'train' ? 2 ** dim : undefined),
    thresholds: () => 0,
    least: ({ op, n, dim }) => (op === 'train' ? { ...NOTHING, flops: 6 * n * 2 ** dim } : NOTHING),
  },
  simvq: {
    options: ({ dim, codes, frozenDim }) => ({ dim, codebookSize: codes, frozenCodebookDim: frozenDim }),
    // Codes among the inputs.
    spread: ({ dim }) => dim ** -0.5,
    kernels: { encode: ['NearestCode'], train: ['NearestCode', 'RotateTo', 'GatherCodes'] },
    codes: ({ codes }) => codes,
    thresholds: () => 0,
    least: ({ n, dim, codes, frozenDim }) => ({
      bytes: 4 * codes * frozenDim,
      flops: frozenDim < dim ? 2 * n * dim * frozenDim : 0,
      int16: 2 * n * codes * frozenDim,
    }),
  },
  'residual-vq': residual,
  'residual-simvq': residual,
};

export function factsOf<W extends Work>({ quantizer }: W): WorkFacts<W> {
  return QUANTIZERS[quantizer] as unknown as WorkFacts<W>;
}

/** What another library has for each quantizer that it is asked to encode with. */
type EncodersOf<T> = { readonly [W in FsqWork | LfqWork | SimVqWork as W['quantizer']]: (work: W) => T };

/** The one for a work. @throws Error where the work is none of theirs: training, or a residual stack. */
export function encoderOf<T>(work: Work, encoders: EncodersOf<T>): T {
  if (work.op !== 'encode') throw new Error('it is written for encoding only');
  const encoder = (encoders as Readonly<Record<string, ((work: Work) => T) | undefined>>)[work.quantizer];
  if (encoder === undefined) throw new Error('it is not written for a residual stack');
  return encoder(work);
}

/** What a work needs at least, whatever does it. */
export interface LeastWork {
  /** Read and written once. */
  readonly bytes: number;
  /** Multiplications and additions of float32. */
  readonly flops: number;
  /** Multiplications and additions of int16, where these are enough. */
  readonly int16: number;
}

/**
 * The least that a work needs: bytes read and written once, and multiplications and additions. What is small against these is left out.
 */
export function leastWork(work: Work): LeastWork {
  const { n, dim } = work;
  const { bytes, flops, int16 } = factsOf(work).least(work);
  const ids = 'depth' in work ? work.depth : 1;
  // Training: the input, the codes, the ids; backward the gradient and the input again, the gradient of the input.
  const ofTokens = work.op === 'encode' ? 4 * n * (dim + ids) : 4 * n * (5 * dim + 1);
  return { bytes: ofTokens + bytes, flops, int16 };
}

/** The same work on other sizes, for a quick run. */
export function smaller(work: Work, divisor: number): Work {
  const n = Math.max(256, Math.round(work.n / divisor));
  return 'codes' in work ? { ...work, n, codes: Math.max(256, Math.round(work.codes / divisor)) } : { ...work, n };
}
