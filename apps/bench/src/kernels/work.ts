/** A piece of work that every contender does on the same input: plain data, sent to their processes. */
export type Work = TokenWork | RecipeWork;

/** Quantizing tokens. */
export type TokenWork = FsqWork | LfqWork | SimVqWork | ResidualWork;

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

/** Training steps of the example recipe, batch 256: one run is one step. */
export interface RecipeWork {
  readonly quantizer: 'recipe-fsq' | 'recipe-lfq' | 'recipe-simvq';
  readonly op: 'recipe';
  readonly imagesPath?: string;
}

/** What another library has for each quantizer that it is asked to encode with. */
interface EncodersOf<T> {
  fsq(work: FsqWork): T;
  lfq(work: LfqWork): T;
  simvq(work: SimVqWork): T;
}

/** The one for a work. @throws Error where the work is none of theirs: training, or a residual stack. */
export function encoderOf<T>(work: TokenWork, encoders: EncodersOf<T>): T {
  if (work.op !== 'encode') throw new Error('it is written for encoding only');
  switch (work.quantizer) {
    case 'fsq':
      return encoders.fsq(work);
    case 'lfq':
      return encoders.lfq(work);
    case 'simvq':
      return encoders.simvq(work);
    case 'residual-vq':
    case 'residual-simvq':
      throw new Error('it is not written for a residual stack');
  }
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
 * The least that a work needs: bytes read and written once, and multiplications and additions.
 *
 * LFQ's entropy: with the code split in two halves, the average probabilities are one product of matrices over all N tokens and 2^d
 * codes, and their gradient two. The nearest code: one product of matrices, of int16, which leaves few codes to be compared in float32.
 * What is small against these is left out.
 */
export function leastWork(work: Work): LeastWork | undefined {
  if (work.op === 'recipe') return undefined;
  const { n, dim } = work;
  const encoded = 4 * n * (dim + 1);
  // Forward: the input, the codes, the ids. Backward: the gradient and the input again, the gradient of the input.
  const trained = 4 * n * (5 * dim + 1);
  const bytes = work.op === 'encode' ? encoded : trained;
  switch (work.quantizer) {
    case 'fsq':
      return { bytes, flops: 0, int16: 0 };
    case 'lfq':
      return { bytes, flops: work.op === 'encode' ? 0 : 6 * n * 2 ** dim, int16: 0 };
    case 'residual-vq':
    case 'residual-simvq': {
      const { codes, depth } = work;
      return {
        bytes: 4 * n * (dim + depth) + 4 * codes * dim * depth,
        flops: 0,
        int16: 2 * n * codes * dim * depth,
      };
    }
    case 'simvq': {
      const { codes, frozenDim } = work;
      const projected = frozenDim < dim ? 2 * n * dim * frozenDim : 0;
      return { bytes: bytes + 4 * codes * frozenDim, flops: projected, int16: 2 * n * codes * frozenDim };
    }
  }
}

/** The same work on other sizes, for a quick run. */
export function smaller(work: Work, divisor: number): Work {
  if (work.op === 'recipe') return work;
  const n = Math.max(256, Math.round(work.n / divisor));
  return 'codes' in work ? { ...work, n, codes: Math.max(256, Math.round(work.codes / divisor)) } : { ...work, n };
}
