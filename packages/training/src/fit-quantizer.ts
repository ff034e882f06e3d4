import { tensor2d, tidy } from '@tensorflow/tfjs-core';
import { createRng, OptionError, phrase, type Quantizer, requireInteger } from '@vqkit/core-tensor';
import { type BatchOrder, createVectorSet, letSignalsIn, type Vectors } from '@vqkit/data';
import { takeAllSteps } from './take-steps.ts';

export interface FitOptions {
  /** Rows that the codes are placed on, drawn over the whole source. Default 64 per code, all where there are fewer. */
  readonly sample?: number | undefined;
  /** Passes over all rows after that. Default 4. */
  readonly passes?: number | undefined;
  /** Rows of a step. Default 8,192. */
  readonly blockSize?: number | undefined;
  /** Seed of the order of the blocks. Default 0. */
  readonly seed?: number | undefined;
  /** After every step: rows done and rows in all. */
  readonly onRows?: ((done: number, rows: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Places that the rows of a sample come from. */
const SAMPLE_PARTS = 64;

/** The blocks of rows that a quantizer is fitted to, and how many steps they are. */
export interface FitOrder extends BatchOrder {
  readonly steps: number;
}

/**
 * Which rows each step of a fit has, a function of the step alone: first a sample of the whole source, then its blocks, each pass in a random order.
 *
 * @param options as {@link FitOptions}; `codes` of the codebook, which the size of the sample goes by.
 * @example
 * const order = createFitOrder({ count: 100, codes: 1, sample: 10, passes: 1, blockSize: 50 });
 * order.steps; // 3
 */
export function createFitOrder(
  options: { readonly count: number; readonly codes: number } & Omit<FitOptions, 'onRows' | 'signal'>,
): FitOrder {
  const where = 'createFitOrder';
  const { count, codes, sample = 64 * codes, passes = 4, blockSize = 8192, seed = 0 } = options;
  requireInteger(where, 'sample', sample, 1);
  requireInteger(where, 'passes', passes, 0);
  requireInteger(where, 'blockSize', blockSize, 1);
  const blocks = Math.ceil(count / blockSize);
  let pass = -1;
  let order: Int32Array = new Int32Array(0);
  return {
    steps: 1 + passes * blocks,
    batchesPerEpoch: blocks,
    at(step) {
      if (step === 0) return samplePositions(count, Math.min(sample, count));
      const wanted = Math.floor((step - 1) / blocks);
      if (wanted !== pass) {
        pass = wanted;
        order = createRng(seed).fork(`pass ${pass}`).permutation(blocks);
      }
      const from = (order[(step - 1) % blocks] as number) * blockSize;
      return Int32Array.from({ length: Math.min(blockSize, count - from) }, (_, i) => from + i);
    },
  };
}

/** Rows in parts that lie evenly over the source, which may be sorted. */
function samplePositions(count: number, rows: number): Int32Array {
  const parts = Math.min(SAMPLE_PARTS, rows);
  const positions = new Int32Array(rows);
  for (let part = 0; part < parts; part++) {
    const [first, next] = [Math.floor((part * rows) / parts), Math.floor(((part + 1) * rows) / parts)];
    const from = Math.floor((part * (count - (next - first))) / Math.max(1, parts - 1));
    for (let i = first; i < next; i++) positions[i] = from + i - first;
  }
  return positions;
}

/**
 * Fits a quantizer, or a stack of them, to vectors as they are, without a network: its first training step is on a sample, on which `kmeansInit`
 * places the codes, layer after layer; the next are on the blocks of all rows in random order, by which the codes follow as moving averages.
 *
 * @param quantizer one that learns without gradients, such as `createResidualVq({ …, kmeansInit: true })`.
 * @throws OptionError for one with variables, rows of another width than its `dim`, or fewer rows than codes; Interrupted when the signal is aborted.
 * @example
 * const values = new Float32Array(64 * 4).map((_, i) => Math.sin(i));
 * const read = async (from: number, to: number) => ({ vectors: values.subarray(4 * from, 4 * to) });
 * const rvq = createResidualVq({ dim: 4, codebookSize: 8, numQuantizers: 2, kmeansInit: true });
 * await fitQuantizer(rvq, { count: 64, dim: 4, read });
 */
export async function fitQuantizer(quantizer: Quantizer, vectors: Vectors, options: FitOptions = {}): Promise<void> {
  const { onRows, signal, ...rest } = options;
  requireFitting('fitQuantizer', quantizer, vectors);
  const order = createFitOrder({ ...rest, count: vectors.count, codes: quantizer.codebookSize });
  const set = createVectorSet(vectors);
  const total = order.at(0).length + (order.steps === 1 ? 0 : (options.passes ?? 4) * vectors.count);
  let done = 0;
  await takeAllSteps({
    steps: order.steps,
    async batch(step) {
      await letSignalsIn(signal);
      const positions = order.at(step);
      return tensor2d(await set.batch(positions), [positions.length, vectors.dim]);
    },
    take(rows) {
      tidy(() => {
        quantizer.quantize(rows, { training: true });
      });
      done += rows.shape[0];
      onRows?.(done, total);
    },
  });
}

/**
 * Throws unless a quantizer can be fitted to `count` vectors of `dim` numbers without a network.
 * @throws OptionError
 */
export function requireFitting(
  where: string,
  quantizer: Quantizer,
  { count, dim }: Pick<Vectors, 'count' | 'dim'>,
): void {
  const variables = Object.keys(quantizer.variables());
  if (variables.length > 0) {
    throw new OptionError(
      where,
      'quantizer',
      'learn without gradients',
      phrase(`${quantizer.kind} with the variable '${variables[0]}'`, quantizer.kind),
      'Train it in a tokenizer, --arch mlp.',
    );
  }
  if (quantizer.dim !== dim) {
    throw new OptionError(
      where,
      'vectors',
      `have the quantizer's ${quantizer.dim} numbers`,
      dim,
      `Create it with dim: ${dim}, or train layers around it, --arch mlp.`,
    );
  }
  requireRowsForCodes(where, quantizer, count);
}

/**
 * Throws where a quantizer that learns its codes has more of them than there are rows to learn from.
 * @throws OptionError
 */
export function requireRowsForCodes(where: string, quantizer: Quantizer, rows: number): void {
  const state = Object.values(quantizer.stateDict());
  for (const value of state) value.dispose();
  if (state.length === 0 || rows >= quantizer.codebookSize) return;
  throw new OptionError(
    where,
    'vectors',
    `be at least as many as the ${quantizer.codebookSize} codes`,
    rows,
    'Use a smaller codebookSize.',
  );
}
